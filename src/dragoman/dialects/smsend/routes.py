"""The whole API as a table: each call, who answers it, what it answers and what it takes.

What changes something by PUT takes POST too: the manual's PHP programs set `CURLOPT_POSTFIELDS`
after `CURLOPT_PUT`, which makes libcurl send a POST.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from dragoman.container import Services
from dragoman.dialects.smsend import aliases as alias
from dragoman.dialects.smsend import received, user
from dragoman.dialects.smsend.aliases import Aliases
from dragoman.dialects.smsend.auth import Authentication
from dragoman.dialects.smsend.calls import Calls, Open
from dragoman.dialects.smsend.contacts import schemas as contact
from dragoman.dialects.smsend.contacts.blacklist import BlacklistCalls
from dragoman.dialects.smsend.contacts.book import Book
from dragoman.dialects.smsend.contacts.groups import ContactGroups
from dragoman.dialects.smsend.errors import BAD_REQUEST, problem_of_kit
from dragoman.dialects.smsend.mailings import schemas as mailing
from dragoman.dialects.smsend.mailings.issues import ListIssues
from dragoman.dialects.smsend.mailings.lists import Lists
from dragoman.dialects.smsend.mapping import DIALECT
from dragoman.dialects.smsend.received import ReceivedTexts
from dragoman.dialects.smsend.schemas import Done, PageQuery, render_problem
from dragoman.dialects.smsend.sending import schemas as sms
from dragoman.dialects.smsend.sending.orders import HistoryCalls, OrderCalls
from dragoman.dialects.smsend.subaccounts import schemas as subaccount
from dragoman.dialects.smsend.subaccounts.calls import Subaccounts
from dragoman.dialects.smsend.user import User
from dragoman.dialects.smsend.verifications import PinRequest, Pins, PinTry, PinVerdict
from dragoman.web.operations import Operation, Refuse
from dragoman.web.refusals import Refusal
from dragoman.web.requests import Request
from dragoman.web.responses import Response

ORDER_LIMIT: Final = 8 << 20
"""Bytes; room for 10,000 recipients with several values each."""
CONTACTS_LIMIT: Final = 8 << 20
ISSUE_LIMIT: Final = 16 << 20
SENDING_LIMIT: Final = 4 << 20


# fmt: off
def build_operations(services: Services) -> tuple[Operation, ...]:
    """Builds the table over the services, by the chapters of the manual."""
    declare = Calls(services).declare
    log_in, own, send, history, contacts, tpoa = (
        partial(declare, source=f"smSend v1.0, {chapter} API")
        for chapter in (
            "Authentication", "User", "SMS Send", "SMS History", "Contacts", "TPOA",
        )
    )
    # Their tables keep 404 for an unknown user key; the others have it for what is asked for too.
    groups, campaigns, subaccounts, texts = (
        partial(declare, source=f"smSend v1.0, {chapter} API", unknown=BAD_REQUEST)
        for chapter in ("Contacts groups", "Email Campaign", "Subaccount", "Received SMS")
    )
    newer = partial(declare, source="newer than smSend v1.0")
    authentication, account = Authentication(services), User(services)
    orders, sent = OrderCalls(services), HistoryCalls(services)
    book, group, blacklist = Book(services), ContactGroups(services), BlacklistCalls(services)
    lists, issues, aliases = Lists(services), ListIssues(services), Aliases(services)
    sub = Subaccounts(services)
    inbox, pins = ReceivedTexts(services), Pins(services)
    return (
        log_in("GET login", Open(authentication.log_in), "Log in",
               query=user.LoginQuery, answer_format="text"),
        log_in("GET token", Open(authentication.issue_token), "Create an access token",
               query=user.LoginQuery, answer_format="text"),
        own("GET checksession", Open(authentication.check_session), "Check a session",
            answer_format="text"),
        own("GET dashboard", account.link_to_console, "Get a link to the console",
            answer_format="text"),
        newer("GET landings", account.list_landings, "Landing pages", user.Landings),
        own("GET status", account.show_status, "Get the credit balance", user.Status,
            query=user.StatusQuery),
        *(
            own(f"{method} pwdreset", account.set_password, "Change the password", status=200,
                query=user.PasswordQuery, answer_format="text")
            for method in ("POST", "GET")
        ),

        send("POST sms", orders.send, "Send a text to numbers", sms.Sent, sms.Message,
             body_limit_bytes=ORDER_LIMIT),
        send("POST paramsms", orders.send_parametric, "Send a text with placeholders to numbers",
             sms.Sent, sms.ParametricMessage, body_limit_bytes=ORDER_LIMIT),
        send("POST smstogroups", orders.send_to_groups, "Send a text to the contacts of groups",
             sms.Sent, sms.GroupMessage),
        send("GET sms/{order_id}", orders.status, "Get an order's state", sms.OrderStatus),
        send("DELETE sms/{order_id}", orders.cancel, "Cancel a scheduled order", Done),
        newer("DELETE sms/bulk", orders.cancel_all, "Cancel all scheduled orders",
              Done),
        history("GET smshistory", sent.orders, "List orders in a period", sms.History,
                query=sms.HistoryQuery),
        newer("GET rcptHistory", sent.recipient, "List the texts to a number in a period",
              sms.RecipientHistory, query=sms.RecipientHistoryQuery),

        contacts("POST contact", book.create, "Create a contact, or several",
                 body=contact.NewContacts, body_limit_bytes=CONTACTS_LIMIT, counts=200),
        newer("POST contacts", book.create_all, "Create contacts", status=200,
              body=contact.NewContacts, body_limit_bytes=CONTACTS_LIMIT, counts=200),
        newer("GET contact", book.contacts, "List contacts", contact.ContactList, query=PageQuery),
        newer("GET contacts", book.contacts, "List contacts", contact.ContactList,
              query=PageQuery),
        newer("GET contacts/fields", book.fields, "List own fields", contact.ContactFieldList),
        contacts("GET contact/{contact_id}", book.contact, "Get a contact", contact.ContactAnswer),

        groups("POST group", group.create, "Create a group", body=contact.GroupFields),
        groups("PUT,POST group/{group_id}", group.change, "Change a group",
               body=contact.GroupFields),
        groups("DELETE group/{group_id}", group.delete, "Delete a group",
               query=contact.DeletionQuery),
        groups("GET groups", group.groups, "List groups", contact.GroupList,
               query=contact.GroupsQuery),
        groups("POST group/{group_id}/contact/{contact_id}", group.add,
               "Add a contact to a group", status=200),
        newer("PUT group/{group_id}/contact", group.add_number,
              "Add the contact with a number to a group", body=contact.PhoneNumber),
        groups("DELETE group/{group_id}/contact/{contact_id}", group.remove,
               "Remove a contact from a group"),

        *(
            newer(f"POST {path}", blacklist.add, "Add a number to the blacklist", Done,
                  contact.PhoneNumbers, query=contact.PhoneNumber, status=200, counts=200)
            for path in ("blacklist/sms", "contact/add_to_blacklist", "contacts/add_to_blacklist")
        ),
        newer("POST blacklist/smsbatch", blacklist.add_all, "Add numbers to the blacklist",
              body=contact.PhoneNumbers, status=200, counts=200),
        newer("POST contact/add_to_blacklist/{contact_id}", blacklist.add_contact,
              "Add a contact to the blacklist", Done, status=200),
        newer("POST contact/add_to_blacklist_batch", blacklist.add_contacts,
              "Add contacts to the blacklist", status=200),
        newer("GET blacklist/sms", blacklist.page, "List the blacklist", contact.Blacklist,
              query=contact.BlacklistQuery),
        newer("DELETE blacklist/sms/{number}", blacklist.remove,
              "Remove a number from the blacklist", Done),

        campaigns("POST list", lists.create, "Create a list", body=mailing.ListFields),
        campaigns("PUT,POST list/{list_id}", lists.change, "Change a list", body=mailing.ListFields,
                  status=204),
        newer("GET list", lists.lists, "List lists", mailing.ListsAnswer,
              query=mailing.StatusesQuery),
        contacts("POST list/{list_id}/contact", lists.register, "Add a contact to a list",
                 body=contact.ContactFields, query=mailing.RegistrationQuery, unknown=BAD_REQUEST),
        campaigns("POST list/{list_id}/group/{group_id}", lists.add_group, "Add a group to a list",
                  query=mailing.GroupQuery, status=200),
        campaigns("POST list/{list_id}/issue", issues.create, "Write an issue",
                  body=mailing.IssueFields, body_limit_bytes=ISSUE_LIMIT),
        campaigns("POST list/{list_id}/issue/template/{template_id}", issues.create_from_template,
                  "Write an issue from a template", body=mailing.TemplatedIssueFields),
        campaigns("POST list/{list_id}/issue/{issue_id}", issues.send, "Send an issue",
                  body=mailing.SendingFields, body_limit_bytes=SENDING_LIMIT),
        newer("POST template", issues.create_template, "Create a template",
              body=mailing.TemplateFields),
        newer("GET template", issues.templates, "List templates", mailing.TemplatesAnswer),
        newer("GET template/{template_id}", issues.template, "Get a template",
              mailing.TemplateAnswer),
        newer("PUT template/{template_id}", issues.change_template, "Change a template",
              body=mailing.TemplateFields),
        newer("PATCH template/{template_id}", issues.patch_template,
              "Change a template by JSON Patch"),
        newer("DELETE template/{template_id}", issues.remove_template, "Delete a template"),

        tpoa("POST alias", aliases.enter, "Request an alias", Done, alias.NewAlias,
             query=alias.NewAliasQuery, status=200),
        tpoa("GET alias", aliases.list_page, "List aliases", alias.ManyAliases,
             query=alias.AliasesQuery),
        tpoa("GET alias/{alias_id}", aliases.find, "Get an alias", alias.OneAlias),
        tpoa("DELETE alias/{alias_id}", aliases.remove, "Delete an alias", Done),

        newer("GET subaccount/profile", sub.profiles, "List profiles",
              subaccount.ManyProfiles),
        newer("GET subaccount/profile/{profile_id}", sub.profile, "Get a profile",
              subaccount.Profile),
        newer("GET subaccount/activableservices", sub.services,
              "Get what can be given to subaccounts",
              subaccount.ActivableServices),
        newer("POST subaccount/{subaccount_id}/changepwd/api", sub.set_api_password,
              "Change the password a subaccount's programs log in with",
              body=subaccount.NewPassword),
        subaccounts("GET subaccounts", sub.list_page, "List subaccounts",
                    subaccount.ManySubaccounts, query=PageQuery),
        subaccounts("POST subaccount", sub.create, "Create a subaccount",
                    body=subaccount.SubaccountData, status=200),
        subaccounts("PUT,POST subaccount/{subaccount_id}", sub.edit, "Edit a subaccount",
                    body=subaccount.SubaccountData, query=subaccount.EditQuery),
        subaccounts("GET subaccount/{subaccount_id}", sub.find, "Get a subaccount",
                    subaccount.Subaccount),
        subaccounts("POST subaccount/{subaccount_id}/changepwd", sub.set_password,
                    "Change a subaccount's password", body=subaccount.NewPassword),
        subaccounts("POST subaccount/{subaccount_id}/credit", sub.move_credits,
                    "Move credits to or from a subaccount", body=subaccount.CreditMoves),
        subaccounts("GET subaccount/{subaccount_id}/credit", sub.list_credits,
                    "Get a subaccount's credits", subaccount.ManyCredits),
        subaccounts("GET subaccount/{subaccount_id}/purchase", sub.list_purchases,
                    "List a subaccount's purchases", subaccount.ManyPurchases, query=PageQuery),
        subaccounts("POST subaccount/{subaccount_id}/purchase", sub.enter_purchases,
                    "Record purchases", body=subaccount.NewPurchases, status=200),
        subaccounts("DELETE subaccount/{subaccount_id}/purchase/{purchase_id}", sub.undo_purchase,
                    "Undo a purchase", Done),

        *(
            texts(f"GET {path}", inbox.new, "List texts since the last call", received.NewTexts,
                  query=received.LimitQuery)
            for path in ("newsrsmsmessage", "newsrsmsmessage/{sim}")
        ),
        *(
            texts(f"GET {path}", inbox.history, "List texts between two times",
                  received.TextHistory,
                  query=received.HistoryQuery)
            for path in ("srsmshistory", "srsmshistory/{sim}")
        ),
        texts("GET srsmshistory/{sim}/{message_id}", inbox.after, "List texts after a text",
              received.NewTexts, query=received.LimitQuery),
        newer("GET mosmshistory", inbox.of_kind, "List texts of one kind", received.KindHistory,
              query=received.KindQuery),

        newer("POST 2fa/request", pins.send, "Send a code to a number", Done, PinRequest,
              status=200),
        newer("POST 2fa/verify", pins.verify, "Check a code", PinVerdict, PinTry, status=200),
    )
# fmt: on


def build_refuse(services: Services) -> Refuse:
    """Builds what answers requests that never reach a call of the table."""

    def refuse(request: Request, refusal: Refusal) -> Response:
        services.metrics.refused[DIALECT, refusal.kind.value] += 1
        return render_problem(problem_of_kit(request, refusal))

    return refuse
