<?php

declare(strict_types=1);

namespace Tidegate;

use Tidegate\Exception\ArgumentException;
use Tidegate\Internal\Call;
use Tidegate\Internal\Handle;
use Tidegate\Internal\Json;
use Tidegate\Internal\Library;

/**
 * Who is asking: a user, parsed once by the library and usable with any client.
 *
 * Make one for each request and use it for everything in the request. Immutable.
 */
final class User
{
    use Handle;

    /**
     * A user id or a custom id has to be there.
     *
     * @param array<string, mixed> $custom attributes of your own
     * @param array<string, mixed> $privateAttributes the same, but evaluated only and never logged
     * @param array<string, string|int> $customIDs further ids, for example `['companyID' => 'acme']`
     * @param array<string, string> $environment for example `['tier' => 'staging']`
     * @throws ArgumentException if there is no id, or a value is not accepted
     */
    public function __construct(
        string|int|null $userID = null,
        ?string $email = null,
        ?string $ip = null,
        ?string $userAgent = null,
        ?string $country = null,
        ?string $locale = null,
        ?string $appVersion = null,
        array $custom = [],
        array $privateAttributes = [],
        array $customIDs = [],
        array $environment = [],
    ) {
        $fields = [
            'userID' => $userID,
            'email' => $email,
            'ip' => $ip,
            'userAgent' => $userAgent,
            'country' => $country,
            'locale' => $locale,
            'appVersion' => $appVersion,
            'custom' => $custom ?: null,
            'privateAttributes' => $privateAttributes ?: null,
            'customIDs' => $customIDs ?: null,
            'statsigEnvironment' => $environment ?: null,
        ];
        $this->make(array_filter($fields, static fn (mixed $field): bool => $field !== null));
    }

    /**
     * @param array<string, mixed>|string $user in the form of the JSON (`['userID' => 'ada']`), or
     *   JSON text
     * @throws ArgumentException if there is no id, or a value is not accepted
     */
    public static function parse(array|string $user): self
    {
        $made = (new \ReflectionClass(self::class))->newInstanceWithoutConstructor();
        $made->make($user);
        return $made;
    }

    /**
     * The user itself, or one made for this call.
     *
     * @internal
     * @param self|array<string, mixed>|string $user
     */
    public static function from(self|array|string $user): self
    {
        return $user instanceof self ? $user : self::parse($user);
    }

    /**
     * The user as it is logged, as JSON.
     */
    public function toJson(bool $withPrivate = false): string
    {
        $out = Call::buffer();
        return Call::text(Library::ffi()->tidegate_user_to_json($this->id, (int) $withPrivate, $out), $out);
    }

    /**
     * The user as it is logged.
     *
     * @return array<string, mixed>
     */
    public function toArray(bool $withPrivate = false): array
    {
        return Json::decode($this->toJson($withPrivate));
    }

    /**
     * @internal
     */
    public static function release(int $id): void
    {
        Library::ffi()->tidegate_user_release($id);
    }

    /**
     * @param array<string, mixed>|string $user
     */
    private function make(array|string $user): void
    {
        $json = Json::user($user);
        $out = Call::out('tidegate_user');
        $this->hold(Call::id(Library::ffi()->tidegate_user_new($json, strlen($json), $out), $out));
    }
}
