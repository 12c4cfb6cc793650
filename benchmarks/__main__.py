"""Runs benchmarks and prints our figure, those of others in the same run, and the ratios.

    python -m benchmarks [A] [B] … [--runs 3] [--against REVISION] [--postgresql]
                         [--messages 200000] [--contacts 100000] [--orders 1000000]
                         [--seconds 3600] [--waiting 1000000]

A to E are measured beside an older revision's build, A and B also on PostgreSQL and beside
Kannel, where it is installed; each in turn, so that a slow minute of the machine meets all of them.
K is on SQLite, or with --postgresql on PostgreSQL.

On an otherwise idle machine only. Figures of different runs cannot be compared, ratios can.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from benchmarks import (
    accept,
    batch,
    codec,
    contacts,
    doors,
    esme,
    expansion,
    hour,
    latency,
    live,
    nodes,
    orders,
    pages,
    phones,
    providers,
    queries,
    routes,
    thousand,
    urgent,
    waiting,
)
from benchmarks.builds import HERE, Build, built
from benchmarks.processes import has_kannel

CHOICES = tuple("ABCDEFGHIJKLMNOPRSTUW")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("which", nargs="*", metavar="|".join(CHOICES))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--against", metavar="REVISION", help="a git revision to build and compare")
    parser.add_argument(
        "--postgresql",
        action="store_true",
        help="A and B on PostgreSQL as well, K on PostgreSQL alone",
    )
    parser.add_argument(
        "--messages",
        type=int,
        default=200_000,
        help="messages that F searches and K's console shows",
    )
    parser.add_argument(
        "--contacts", type=int, help="contacts that H searches (1,000,000) and I expands (100,000)"
    )
    parser.add_argument(
        "--orders", type=int, default=orders.LISTED, help="orders whose history J asks for"
    )
    parser.add_argument(
        "--seconds", type=float, help="seconds of T; without it T runs an hour only if it is named"
    )
    parser.add_argument(
        "--waiting", type=int, default=nodes.WAITING, help="messages of the partition that M moves"
    )
    options = parser.parse_args()
    chosen = options.which or [which for which in CHOICES if which != "T" or options.seconds]
    unknown = set(chosen) - set(CHOICES)
    if unknown:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory(prefix="dragoman-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        builds = [HERE]
        if options.against:
            builds.append(stack.enter_context(built(options.against, folder)))
        server_url = ""
        if options.postgresql:
            server_url = queries.open_databases(folder / "server")["PostgreSQL"]
        for which in chosen:
            if which in {"A", "B"}:
                _accept(folder, options.runs, builds, server_url, callbacks=which == "B")
            elif which == "T":
                _hour(folder, options.seconds or hour.SECONDS)
            elif which == "C":
                _batch(folder, options.runs, builds)
            elif which == "D":
                _latency(folder, options.runs, builds)
            elif which == "E":
                _waiting(folder, options.runs, builds)
            elif which == "F":
                _queries(folder, options.messages)
            elif which == "K":
                _pages(folder, options.messages, server_url)
            elif which == "J":
                _orders(folder, options.runs, options.orders)
            elif which == "M":
                _nodes(folder, options.runs, options.waiting)
            elif which == "I":
                _expansion(folder, options.runs, options.contacts or expansion.CONTACTS)
            elif which == "H":
                _contacts(folder, options.contacts or contacts.CONTACTS)
            else:
                _REPORTS[which](folder, options.runs)


def _accept(
    folder: Path, runs: int, builds: Sequence[Build], server_url: str, *, callbacks: bool
) -> None:
    which, rest = ("B", ", to the callback") if callbacks else ("A", "")
    print(f"\n{which}  one recipient a request{rest}")
    ratios = Ratios()
    for number in range(1, runs + 1):
        url = queries.new_database(server_url, f"{which}{number}") if server_url else ""
        ours, *others = accept.run(
            folder / f"{which}{number}", callbacks=callbacks, builds=builds, server_url=url
        )
        for figure in (ours, *others):
            calls = f" ({figure.calls} calls a message)" if figure.calls else ""
            print(
                f"  run {number}  {figure.name + calls:<40} accepts {figure.accepted_per_s:>6}/s"
                f"   through {figure.through_per_s:>6}/s   {figure.cost_us:>5} us"
                f"   {_verdict(figure.flaws)}"
            )
        for other in others:
            name = f"{other.name}, {other.calls} calls" if other.calls else other.name
            ratios.note(name, "rate", ours.through_per_s, other.through_per_s)
            ratios.note(name, "processor time", ours.cost_us, other.cost_us)
    ratios.report()
    if not has_kannel():
        print("  kannel is not installed here: no ratio")


def _batch(folder: Path, runs: int, builds: Sequence[Build]) -> None:
    print(f"\nC  one batch to a list of {batch.RECIPIENTS:,} contacts")
    ratios = Ratios()
    for number in range(1, runs + 1):
        ours, *others = (
            batch.run(folder / f"C{number}-{position}", build)
            for position, build in enumerate(builds)
        )
        for figure in (ours, *others):
            print(
                f"  run {number}  {figure.name:<20} accepted in {figure.accepted_s} s"
                f"   {figure.per_s:>6}/s to the last receipt   {figure.cost_us:>4} us"
                f"   peak {figure.peak_mb} MB   {_verdict(figure.flaws)}"
            )
        for other in others:
            ratios.note(other.name, "rate", ours.per_s, other.per_s)
            ratios.note(other.name, "processor time", ours.cost_us, other.cost_us)
    ratios.report()


class Ratios:
    """Our figures over those of others, run by run."""

    def __init__(self) -> None:
        self._values: dict[str, list[float]] = {}

    def note(self, other: str, figure: str, ours: float, theirs: float) -> None:
        """Takes the figures of one run."""
        self._values.setdefault(f"{figure} to {other}", []).append(ours / theirs if theirs else 0.0)

    def report(self) -> None:
        """Prints the medians."""
        for name, values in self._values.items():
            print(f"  {name}: {median(values):.2f} (median of {len(values)})")


def _expansion(folder: Path, runs: int, contacts: int) -> None:
    print(f"\nI  a list of {contacts:,} contacts becomes messages, none sent")
    for number in range(1, runs + 1):
        figure = expansion.run(folder / f"i{number}", contacts)
        print(
            f"  run {number}  {figure.per_s:,} recipients/s   {figure.per_cpu_s:,} a second of"
            f" processor time   grows by {figure.grown_mb} MB   {_verdict(figure.flaws)}"
        )


def _nodes(folder: Path, runs: int, waiting: int) -> None:
    print(f"\nM  nodes, each held to {nodes.SHARE} of a core")
    ratios = Ratios()
    for number in range(1, runs + 1):
        one, *two = nodes.run_scale(folder / f"nodes-{number}")
        for figure in (one, *two):
            print(
                f"  run {number}  {figure.name:<20} accept {figure.accepted_per_s:>6}/s"
                f"   through {figure.through_per_s:>6}/s   {figure.cost_us:>5} us"
                f"   {_verdict(figure.flaws)}"
            )
        for figure in two:
            ratios.note(f"one node, {figure.name}", "rate", figure.through_per_s, one.through_per_s)
            ratios.note(f"one node, {figure.name}", "cost", figure.cost_us, one.cost_us)
    ratios.report()
    print(f"\nM  calls to a node, submissions at {nodes.RATE:,.0f}/s")
    calls = [*nodes.run_calls(folder / "nodes-calls")]
    for call in calls:
        print(
            f"  {call.name:<16} a read alone {call.alone_us:>5} us   submissions p50"
            f" {call.p50_ms} ms, p99 {call.p99_ms} ms   {call.cost_us} us of processor time"
            f"   {_verdict(call.flaws)}"
        )
    more = [
        wrong.alone_us - right.alone_us
        for right, wrong in zip(calls[::2], calls[1::2], strict=True)
    ]
    print(f"  a read takes {median(more):.0f} us more at the wrong node (median of {len(more)})")
    print(f"\nM  a partition in which {waiting:,} messages wait, taken over by the other node")
    for takeover in nodes.run_takeovers(folder / "nodes-takeovers", waiting):
        print(
            f"  its owner is {takeover.name:<8} taken over in {takeover.taken_s} s, a call took"
            f" {takeover.longest_s} s at most, {takeover.unavailable} not accepted"
            f"   {_verdict(takeover.flaws)}"
        )


def _latency(folder: Path, runs: int, builds: Sequence[Build]) -> None:
    for rate in latency.RATES:
        print(f'\nD  waiting for "accepted" at {rate:,.0f} requests/s')
        ratios = Ratios()
        for number in range(1, runs + 1):
            ours, *others = (
                latency.run(folder / f"d{rate:.0f}-{number}-{position}", rate, build)
                for position, build in enumerate(builds)
            )
            for figure in (ours, *others):
                print(
                    f"  run {number}  {figure.name:<20} p50 {figure.p50_ms} ms"
                    f"   p99 {figure.p99_ms} ms   max {figure.max_ms} ms"
                    f"   at {figure.answered_per_s}/s   {_verdict(figure.flaws)}"
                )
            for other in others:
                ratios.note(other.name, "p99", ours.p99_ms, other.p99_ms)
        ratios.report()


def _waiting(folder: Path, runs: int, builds: Sequence[Build]) -> None:
    print(f"\nE  {waiting.WAITING:,} messages wait, and the gateway is restarted")
    ratios = Ratios()
    for number in range(1, runs + 1):
        ours, *others = (
            waiting.run(folder / f"e{number}-{position}", build=build)
            for position, build in enumerate(builds)
        )
        for figure in (ours, *others):
            print(
                f"  run {number}  {figure.name:<20} {figure.full_mb} MB in both processes"
                f" ({figure.empty_mb} empty, {figure.restarted_mb} restarted)   ready after"
                f" {figure.ready_s} s ({figure.empty_ready_s} empty)   {_verdict(figure.flaws)}"
            )
        for other in others:
            ratios.note(other.name, "memory", ours.full_mb, other.full_mb)
            ratios.note(other.name, "ready", ours.ready_s, other.ready_s)
    ratios.report()


def _hour(folder: Path, seconds: float) -> None:
    print(f"\nT  {hour.RATE:,.0f} requests/s with two callbacks each, for {seconds:,.0f} s")
    for figure in hour.run(folder / "t", seconds):
        if isinstance(figure, hour.Minute):
            print(
                f"  {figure.per_s:>6}/s   p50 {figure.p50_ms} ms   p99 {figure.p99_ms} ms"
                f"   max {figure.max_ms} ms   gateway {figure.gateway_mb} MB"
                f"   process that writes {figure.writer_mb} MB",
                flush=True,
            )
        elif figure.minutes:
            print(
                f"  p99 {min(one.p99_ms for one in figure.minutes)} to"
                f" {max(one.p99_ms for one in figure.minutes)} ms   memory grew by"
                f" {hour.growth_mb(figure.minutes)} MB from the third minute on"
                f"   {figure.cost_us} us a message   {_verdict(figure.flaws)}"
            )


def _urgent(folder: Path, runs: int) -> None:
    print(f"\nU  beside a batch over the same link (urgent: p99 {urgent.TARGET_MS:.0f} ms)")
    for number in range(1, runs + 1):
        for turn in urgent.run(folder / f"u{number}"):
            print(
                f"  run {number}  a link that {turn.link:<14} batch {turn.batch_per_s:>6}/s"
                f"   {_verdict(turn.flaws)}"
            )
            for figure in turn.figures:
                print(
                    f"         {figure.name:<16} {figure.messages:>5} messages   p50"
                    f" {figure.p50_ms} ms   p99 {figure.p99_ms} ms   max {figure.max_ms} ms"
                    f"   accepted p99 {figure.accepted_p99_ms} ms   let pass {figure.passed_p50},"
                    f" p99 {figure.passed_p99} messages"
                )


def _doors(folder: Path, runs: int) -> None:
    print("\nO  one recipient a request, by API")
    ratios = Ratios()
    for number, turn in enumerate(doors.run(folder / "o", runs), 1):
        link, *_ = turn
        for figure in turn:
            print(
                f"  run {number}  {figure.dialect:<14} accepts {figure.accepted_per_s:>6}/s"
                f"   {figure.cost_us:>5} us   {_verdict(figure.flaws)}"
            )
            ratios.note(f"linkmobility, {figure.dialect}", "cost", figure.cost_us, link.cost_us)
    ratios.report()


def _thousand(folder: Path, runs: int) -> None:
    print(f"\nN  {thousand.MESSAGES:,} messages with texts of their own in one call")
    for number, turn in enumerate(thousand.run(folder / "n", runs), 1):
        for figure in turn:
            print(
                f"  run {number}  {figure.name:<14} {figure.per_s:>7,} accepted/s"
                f"   slowest call {figure.slowest_ms:>6} ms   {figure.cost_us:>5} us a message"
                f"   {_verdict(figure.flaws)}"
            )


def _contacts(folder: Path, count: int) -> None:
    print(f"\nH  {count:,} contacts, imported {contacts.ROWS:,} rows a PUT")
    home = folder / "h"
    home.mkdir()
    for database, url in contacts.databases(home):
        imported, searches = contacts.run(home, url, count)
        print(
            f"  {database}: {imported.rows_per_s:,} rows/s, {imported.rows_per_cpu_s:,} a second of"
            f" processor time, longest pause {imported.longest_pause_ms} ms"
            f" ({imported.longest_pause_cpu_ms} of processor time)"
            f"   {_verdict(imported.flaws)}"
        )
        print(
            f"    all of them alike{'':<17} p50 {contacts.percentile_of_all(searches, 50):>7} ms"
            f"   p95 {contacts.percentile_of_all(searches, 95):>7} ms"
        )
        for search in searches:
            print(
                f"    {search.name:<34} p50 {search.p50_ms:>7} ms   p95 {search.p95_ms:>7} ms"
                f" ({search.p95_cpu_ms} of processor time)"
            )


def _queries(folder: Path, count: int) -> None:
    for name, url in queries.open_databases(folder / "f").items():
        print(f"\nF  searching {count:,} messages on {name}")
        figures = queries.run(url, count)
        print(
            f"  all of them alike{'':<11} p50 {queries.percentile_of_all(figures, 50):>7} ms"
            f"   p95 {queries.percentile_of_all(figures, 95):>7} ms"
        )
        for figure in figures:
            print(
                f"  {figure.name:<28} p50 {figure.p50_ms:>7} ms   p95 {figure.p95_ms:>7} ms"
                f"   reader's CPU {figure.cpu_ms:>6} ms   total {figure.total:,}"
            )


def _pages(folder: Path, count: int, server_url: str) -> None:
    name = "PostgreSQL" if server_url else "SQLite"
    url = queries.new_database(server_url, "K") if server_url else f"sqlite:///{folder / 'k.db'}"
    print(f"\nK  the console's pages with {count:,} messages on {name}")
    for figure in pages.run(folder / "k", url, count):
        over = "" if figure.p95_ms < pages.BOUND_MS else f"   over {pages.BOUND_MS:.0f} ms"
        odd = "" if set(figure.statuses) <= {200, 303} else f"   answers {figure.statuses}"
        print(
            f"  {figure.reader:<9} {figure.page:<46} {figure.filter:<24}"
            f" p50 {figure.p50_ms:>7} ms   p95 {figure.p95_ms:>7} ms   max {figure.max_ms:>7}"
            f" ms   the gateway's CPU {figure.cpu_ms:>6} ms{over}{odd}",
            flush=True,
        )


def _esme(folder: Path, runs: int) -> None:
    print(
        f"\nS  submit_sm over {esme.BINDS} binds with a window of {esme.WINDOW}, beside LINK's call"
    )
    turns, idle = esme.run(folder / "s", runs)
    for number, turn in enumerate(turns, 1):
        for call in turn.calls:
            answered = f"   p50 {call.p50_ms} ms, p99 {call.p99_ms} ms" if call.p50_ms else ""
            print(
                f"  run {number}  {call.name:<12} accepts {call.accepted_per_s:>6}/s   processor"
                f" time {call.gateway_us} us, {call.both_us} with the process that writes{answered}"
                f"   {_verdict(call.flaws)}"
            )
    for name, values in esme.ratios(turns).items():
        print(f"  SMPP to LINK, {name}: {median(values):.2f} (median of {values})")
    print(f"  {idle.binds:,} idle binds: {idle.memory_mb} MB, all bound after {idle.bound_s} s")


def _live(folder: Path, runs: int) -> None:
    print(f"\nL  the live log at {live.RATE:.0f} messages/s")
    delay, turns = live.run(folder / "l", runs)
    print(
        f"  shown after p50 {delay.p50_ms} ms   p95 {delay.p95_ms} ms   max {delay.max_ms} ms"
        f"   of {delay.messages:,} messages"
    )
    for turn in turns:
        print(
            f"  {turn.listeners:>2} listeners   {turn.gateway_us} us a message,"
            f" {turn.both_us} with the process that writes   shown {turn.shown:,}"
            f"   left out {turn.left_out:,}   {'; '.join(turn.flaws)}"
        )
    for listeners in live.LISTENERS[1:]:
        cost = live.cost_percent(turns, listeners)
        print(f"  {listeners} listeners cost {cost} % of processor time")


def _orders(folder: Path, runs: int, count: int) -> None:
    print("\nJ  an order to one recipient, beside LINK's call")
    pairs, large = orders.run(folder / "j", runs)
    for number, pair in enumerate(pairs, 1):
        for call in pair:
            print(
                f"  run {number}  {call.name:<14} accepts {call.accepted_per_s:>6}/s   processor"
                f" time {call.gateway_us} us, {call.both_us} with the process that writes"
                f"   {'; '.join(call.flaws)}"
            )
    for name, ratio in orders.ratios(pairs).items():
        print(f"  smsend to linkmobility, {name}: {ratio}")
    print(f"\nJ  an order to {orders.RECIPIENTS:,} recipients, each with values of its own")
    for number, one in enumerate(large, 1):
        print(f"  run {number}  {one.total_sent:,} accepted in {one.accepted_s} s")
    for name, url in queries.open_databases(folder / "j-history").items():
        print(f"\nJ  the history of {count:,} orders on {name}")
        for figure in orders.ask_history(url, count):
            print(
                f"  {figure.name:<28} p50 {figure.p50_ms:>7} ms   p95 {figure.p95_ms:>7} ms"
                f"   reader's CPU {figure.cpu_ms:>6} ms   total {figure.total:,}"
            )


def _phones(folder: Path, runs: int) -> None:
    print(f"\nP  {phones.PHONES:,} phones with open streams")
    for number in range(1, runs + 1):
        figure = phones.run(folder / f"p{number}")
        print(
            f"  run {number}  {figure.memory_mb} MB   an idle phone's stream p50"
            f" {figure.idle_p50_ms} ms, max {figure.idle_max_ms} ms   a report at 500/s p50"
            f" {figure.report_p50_ms} ms, p99 {figure.report_p99_ms} ms  "
            f" {figure.reports_per_s} reports/s at most,"
            f" {figure.report_cpu_us} us of processor time each   {_verdict(figure.flaws)}"
        )


def _providers(folder: Path, runs: int) -> None:
    print(f"\nW  one batch to a list of {batch.RECIPIENTS:,} contacts, over HTTP and over SMPP")
    ratios = Ratios()
    for number in range(1, runs + 1):
        http, smpp = providers.run(folder / f"m{number}")
        for figure in (http, smpp):
            print(
                f"  run {number}  {figure.name}   {figure.per_s:>6}/s to the last receipt  "
                f" {figure.cost_us:>4} us   {_verdict(figure.flaws)}"
            )
        ratios.note("SMPP", "rate", http.per_s, smpp.per_s)
        ratios.note("SMPP", "processor time", http.cost_us, smpp.cost_us)
    ratios.report()


def _codec(_folder: Path, _runs: int) -> None:
    print("\nG  SMPP codec, one core")
    for figure in codec.run():
        print(
            f"  {figure.pdu:<28} {figure.encodes_per_s:>9,} encodes/s"
            f"   {figure.decodes_per_s:>9,} decodes/s"
        )


def _routes(_folder: Path, _runs: int) -> None:
    print("\nR  finding a route, a price and a carrier")
    for figure in routes.run():
        print(f"  {figure.step:<46} {figure.us:>6.2f} us")


def _verdict(flaws: tuple[str, ...]) -> str:
    return f"VOID: {', '.join(flaws)}" if flaws else "nothing lost, nothing doubled"


_REPORTS = {
    "G": _codec,
    "L": _live,
    "N": _thousand,
    "O": _doors,
    "P": _phones,
    "R": _routes,
    "S": _esme,
    "U": _urgent,
    "W": _providers,
}

if __name__ == "__main__":
    main()
