<?php

declare(strict_types=1);

// A page for the tests of PHP-FPM. `do` says what is to happen in the request.

use Tidegate\Client;
use Tidegate\Exception\TidegateException;
use Tidegate\Tests\Store;
use Tidegate\Tidegate;

require_once __DIR__ . '/../../autoload.php';
require_once __DIR__ . '/../Store.php';

ini_set('display_errors', '0');
$key = getenv('TIDEGATE_KEY');
$options = json_decode(getenv('TIDEGATE_OPTIONS'), true);
$do = $_GET['do'] ?? 'nothing';
$answer = [
    'worker' => getmypid(),
    'library' => Tidegate::loadLibrary(),
    'ledger' => strlen((string) getenv('TIDEGATE_PHP_CLIENTS', true)),
];

if ($do === 'exit handler') {
    // As frameworks do after a fatal error: whatever is registered later never runs.
    register_shutdown_function(static fn () => exit(1));
}
if ($do === 'exit handler' || $do === 'scoped') {
    Tidegate::setLogger(static fn () => null);
    $scoped = Client::open($key, ['data_store' => new Store()] + $options);
    $scoped->logEvent(['userID' => 'ada'], $do);
    $answer['gate'] = $scoped->checkGate(['userID' => 'ada', 'email' => 'ada@shop.example'], 'employees_only');
}
if ($do === 'store exits') {
    $store = new class () implements \Tidegate\DataStore {
        public function get(string $key): ?string
        {
            echo '{"exits":true}';
            exit(1);
        }

        public function set(string $key, string $value, int $timeMs): void
        {
        }

        public function supportsPolling(string $path): bool
        {
            return false;
        }

        public function shutdown(): void
        {
        }
    };
    Client::open($key, ['data_store' => $store] + $options);
}
if ($do === 'data store') {
    try {
        Tidegate::start($key, ['data_store' => new Store()] + $options);
    } catch (TidegateException $exception) {
        $answer['error'] = $exception->getMessage();
    }
} elseif ($do !== 'scoped') {
    $options += ['on_rules_updated' => static function (int $time): void {
        // The answer has gone when this is called after it; the server sees it.
        Tidegate::client()->logEvent(['userID' => 'ada'], 'rules', $time);
    }];
    if (isset($_GET['tier'])) {
        $options['tier'] = $_GET['tier'];
    }
    $client = Tidegate::start($key, $options);
    $answer['id'] = (new ReflectionProperty($client, 'id'))->getValue($client);
    $answer['gates'] = $client->listEntities('gate');
    $answer['staging'] = $client->checkGate(['userID' => 'ada'], 'debug_panel', false);
    $client->logEvent(['userID' => 'ada'], $do, $_GET['value'] ?? null);
    if ($do === 'shutdown') {
        $answer['sent'] = Tidegate::shutdown()->sent;
    }
}
if ($do === 'memory') {
    $libc = FFI::cdef(
        'struct mallinfo2 { size_t arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, '
        . 'fordblks, keepcost; }; struct mallinfo2 mallinfo2(void);'
    );
    $info = $libc->mallinfo2();
    $answer['bytes'] = $info->uordblks + $info->hblkhd;
}

echo json_encode($answer, JSON_THROW_ON_ERROR);
// A request that runs out of memory does not get to it.
while (ob_get_level() > 0) {
    ob_end_flush();
}
flush();

if ($do === 'fatal' || $do === 'exit handler') {
    $user = new \Tidegate\User(str_repeat('x', 4000));
    str_repeat('x', PHP_INT_MAX >> 8);
}
if ($do === 'throw') {
    throw new Exception('on purpose');
}
