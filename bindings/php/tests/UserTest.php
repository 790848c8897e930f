<?php

declare(strict_types=1);

namespace Tidegate\Tests;

use Tidegate\Exception\ArgumentException;
use Tidegate\Exception\EncodingException;
use Tidegate\Exception\HandleException;
use Tidegate\Exception\JsonException;
use Tidegate\User;

final class UserTest extends TestCase
{
    private function everything(): User
    {
        return new User(
            'ada',
            email: 'a@b.c',
            ip: '1.2.3.4',
            userAgent: 'agent',
            country: 'NL',
            locale: 'nl_NL',
            appVersion: '1.2',
            custom: ['plan' => 'pro'],
            privateAttributes: ['secret' => 1],
            customIDs: ['companyID' => 'acme'],
            environment: ['tier' => 'staging'],
        );
    }

    public function testEveryFieldArrives(): void
    {
        $logged = [
            'userID' => 'ada', 'email' => 'a@b.c', 'ip' => '1.2.3.4', 'userAgent' => 'agent',
            'country' => 'NL', 'locale' => 'nl_NL', 'appVersion' => '1.2', 'custom' => ['plan' => 'pro'],
            'customIDs' => ['companyID' => 'acme'], 'statsigEnvironment' => ['tier' => 'staging'],
        ];
        $user = $this->everything();
        self::assertEquals($logged, $user->toArray());
        self::assertEquals($logged + ['privateAttributes' => ['secret' => 1]], $user->toArray(withPrivate: true));
    }

    public function testAnArrayAndJsonGiveTheSameUser(): void
    {
        $expected = ['userID' => '7', 'customIDs' => ['companyID' => 'acme']];
        $array = ['user_id' => 7, 'custom_ids' => ['companyID' => 'acme'], 'private_attributes' => []];
        self::assertEquals($expected, User::parse($array)->toArray());
        self::assertEquals($expected, User::parse('{"userID":7,"customIDs":{"companyID":"acme"}}')->toArray());
        self::assertSame(['userID' => '7'], (new User(7))->toArray());
        self::assertSame(['userID' => '0'], (new User(0))->toArray());
    }

    public function testAUserNeedsAnId(): void
    {
        self::assertThrows(ArgumentException::class, fn () => new User());
        self::assertThrows(ArgumentException::class, fn () => new User(''));
        self::assertThrows(ArgumentException::class, fn () => new User(email: 'a@b.c'));
        self::assertThrows(ArgumentException::class, fn () => User::parse([]));
        self::assertSame('acme', (new User(customIDs: ['companyID' => 'acme']))->toArray()['customIDs']['companyID']);
    }

    public function testBadUsersAreRefused(): void
    {
        self::assertThrows(ArgumentException::class, fn () => new User('ada', custom: ['x' => NAN]));
        self::assertThrows(ArgumentException::class, fn () => new User('ada', custom: ['x' => "\xff"]));
        self::assertThrows(ArgumentException::class, fn () => new User('ada', custom: ['x' => STDIN]));
        self::assertThrows(ArgumentException::class, fn () => User::parse(['userID' => 'a', 'custom' => 7]));
        self::assertThrows(JsonException::class, fn () => User::parse('{'));
        self::assertThrows(EncodingException::class, fn () => User::parse("{\"userID\":\"\xff\"}"));
        $deep = [];
        for ($depth = 0; $depth < 1000; $depth++) {
            $deep = [$deep];
        }
        self::assertThrows(ArgumentException::class, fn () => new User('ada', custom: ['x' => $deep]));
    }

    public function testAClosedUserIsAnError(): void
    {
        $user = new User('ada');
        $user->close();
        $user->close();
        self::assertThrows(HandleException::class, fn () => $this->local()->checkGate($user, 'employees_only'));
        self::assertThrows(HandleException::class, fn () => $user->toJson());
        self::assertThrows(\LogicException::class, fn () => clone $this->alice);
        self::assertThrows(\LogicException::class, fn () => serialize($this->alice));
        self::assertSame('alice', $this->alice->toArray()['userID']);
    }

    public function testDumpingAUserShowsNothingPrivate(): void
    {
        self::assertStringNotContainsString('secret', print_r($this->everything(), true));
    }
}
