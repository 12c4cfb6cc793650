#!/bin/sh
# Symfony Notifier 5.4.53 (Debian 12: php-symfony-ovh-cloud-notifier) and texts that go out over OVHcloud.
#
# What it does: each text is a flash message. The transport for OVHcloud writes `"class": "flash"` into every request, and
# neither its DSN nor SmsMessage can say otherwise. A flash message (message class 0, 3GPP 23.038 s. 4) covers the screen
# at once, and is in no list of messages once it was closed.
# What most expect: what its other transports send: a text that is stored, and is there when its reader looks for it.
# What follows: codes, tickets and dates are read once, on a locked screen by whoever is near, and gone.
#
# Dragoman sends a flash message where one is asked for: protocols/smpp/data_codings.py,
# test_message_class_is_in_the_data_coding in tests/connectors/smpp/test_submits.py.
#
# Exits with 0 while that is so, and with 1 once it changes. Needs Debian 12 with apt, php, and a network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
symfony=5.4.53+dfsg-0+deb12u1
contracts=2.5.5-0+deb12u1
apt-get -qq download "php-symfony-notifier=$symfony" "php-symfony-ovh-cloud-notifier=$symfony" \
  "php-symfony-sinch-notifier=$symfony" "php-symfony-http-client=$symfony" \
  "php-symfony-http-client-contracts=$contracts" "php-symfony-service-contracts=$contracts" \
  php-psr-log=1.1.4-2 php-psr-container=1.1.2-1 > apt.log 2>&1 || { cat apt.log; exit 2; }
for package in *.deb; do
  dpkg-deb -x "$package" .
done
cat > program.php <<'PROGRAM'
<?php

use Symfony\Component\HttpClient\MockHttpClient;
use Symfony\Component\HttpClient\Response\MockResponse;
use Symfony\Component\Notifier\Bridge\OvhCloud\OvhCloudTransportFactory;
use Symfony\Component\Notifier\Bridge\Sinch\SinchTransportFactory;
use Symfony\Component\Notifier\Message\SmsMessage;
use Symfony\Component\Notifier\Transport\Dsn;

spl_autoload_register(function (string $class): void {
    $file = __DIR__.'/usr/share/php/'.str_replace('\\', '/', $class).'.php';
    is_file($file) && require $file;
});

$sent = [];
$provider = new MockHttpClient(function (string $method, string $url, array $options) use (&$sent) {
    if ($method === 'GET') {  // OVHcloud's clock
        return new MockResponse((string) time());
    }
    $sent[] = json_decode($options['body'], true);
    $answer = '{"id": "1", "ids": [1], "invalidReceivers": []}';

    return new MockResponse($answer, ['http_code' => str_contains($url, 'ovh') ? 200 : 201]);
});
$transports = [
    (new OvhCloudTransportFactory(null, $provider))->create(new Dsn(
        'ovhcloud://key:secret@default?consumer_key=consumer&service_name=sms-ab1&sender=Acme')),
    (new SinchTransportFactory(null, $provider))->create(new Dsn('sinch://plan:token@default?from=Acme')),
];
foreach ($transports as $transport) {
    $transport->send(new SmsMessage('+4512345678', 'Your parcel is here'));
}
[$ovh, $sinch] = $sent;
echo 'to OVHcloud: ', json_encode($ovh), "\n";
echo 'to Sinch: ', json_encode($sinch), "\n";
$changed = ($ovh['class'] ?? null) !== 'flash';
echo $changed ? "changed: it is no flash message any more\n" : "as described\n";
exit($changed ? 1 : 0);
PROGRAM
php program.php
