<?php

declare(strict_types=1);

// A shop's front page. On PHP's built-in server:
//
//     export TIDEGATE_OPTIONS='{"api": "http://127.0.0.1:8181/v1"}'
//     php -d ffi.enable=true -S 127.0.0.1:9292 examples/php/index.php
//
// and on PHP-FPM with the pool in fpm.conf. Each worker process makes one client and keeps it from
// request to request. When a request has been answered, the worker delivers its events and, from
// time to time, fetches new rules.

use Tidegate\Tidegate;
use Tidegate\User;

require __DIR__ . '/../../bindings/php/autoload.php';

$options = json_decode(getenv('TIDEGATE_OPTIONS') ?: '{}', true, flags: JSON_THROW_ON_ERROR);
$client = Tidegate::start(getenv('TIDEGATE_KEY') ?: 'secret-shop', $options);

$user = new User(
    $_GET['user'] ?? 'guest',
    email: $_GET['email'] ?? null,
    userAgent: $_SERVER['HTTP_USER_AGENT'] ?? null,
);
$page = [
    'new_checkout' => $client->checkGate($user, 'new_checkout'),
    'banner' => $client->getConfig($user, 'shop_banner')->getString('title'),
    'button' => $client->getLayer($user, 'checkout_layer')->getString('button_text', 'Buy'),
    'worker' => getmypid(),
];
$client->logEvent($user, 'page_view', $_SERVER['REQUEST_URI'], ['worker' => (string) getmypid()]);

header('Content-Type: application/json');
echo json_encode($page, JSON_THROW_ON_ERROR);
