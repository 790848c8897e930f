<?php

declare(strict_types=1);

// Prints how long a call takes, in ns: php bench.php, with TIDEGATE_LIBRARY set to a release build.

use Tidegate\Client;
use Tidegate\Tidegate;
use Tidegate\User;

require __DIR__ . '/autoload.php';

$calls = (int) (getenv('BENCH_CALLS') ?: 200_000);
$measure = static function (string $name, \Closure $call, int $less = 1) use ($calls): void {
    $count = max(1, intdiv($calls, $less));
    for ($round = 0; $round < $count / 10; $round++) {
        $call();
    }
    $start = hrtime(true);
    for ($round = 0; $round < $count; $round++) {
        $call();
    }
    printf("%-36s %8d\n", $name, (hrtime(true) - $start) / $count);
};

$profile = Tidegate::buildInfo()['profile'];
printf("PHP %s, %s build, ns per call\n", PHP_VERSION, $profile);
$rules = file_get_contents(__DIR__ . '/../../examples/rules/shop.json');
$client = Client::open('secret-bench', ['local_mode' => true, 'bootstrap_values' => $rules]);
$array = ['userID' => 'ada', 'email' => 'ada@shop.example', 'custom' => ['orders' => 3]];
$user = User::parse($array);

$measure('(an empty function)', static fn () => null);
$measure('(a call that does nothing)', static fn () => $client->isInitialized());
$measure('checkGate, User', static fn () => $client->checkGate($user, 'employees_only'));
$measure('checkGate, array', static fn () => $client->checkGate($array, 'employees_only'));
$measure('User::parse', static fn () => User::parse($array));
$measure('getGate(...)->value', static fn () => $client->getGate($user, 'employees_only')->value());
$measure('getConfig(...)->getString', static fn () => $client->getConfig($user, 'shop_banner')->getString('title'));
$measure('getLayer(...)->getString', static fn () => $client->getLayer($user, 'checkout_layer')->getString('x'));
$measure('getConfig(...)->value', static fn () => $client->getConfig($user, 'shop_banner')->value(), 4);
$measure('evaluate', static fn () => $client->evaluate('config', $user, 'shop_banner'), 4);
$measure('evaluateAll', static fn () => $client->evaluateAll($user), 20);
$measure('clientInitResponse', static fn () => $client->clientInitResponse($user), 20);
$measure('tick, nothing to do', static fn () => $client->tick());
$client->close();
