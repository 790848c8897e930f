<?php

declare(strict_types=1);

namespace Tidegate;

use Tidegate\Internal\Call;
use Tidegate\Internal\Handle;
use Tidegate\Internal\Json;
use Tidegate\Internal\Library;

/**
 * The result of an evaluation, read from the library when asked for. Does not change, whatever the
 * rules do afterwards.
 */
abstract class Result
{
    use Handle;

    protected readonly \FFI $ffi;

    /**
     * @internal
     */
    final public function __construct(int $id)
    {
        $this->ffi = Library::ffi();
        $this->hold($id);
    }

    /**
     * The name that was asked for.
     */
    public function name(): string
    {
        return $this->textOf('name') ?? '';
    }

    /**
     * What was evaluated.
     */
    public function kind(): Kind
    {
        return Kind::from($this->ffi->tidegate_result_kind(Call::live($this->id)));
    }

    /**
     * The rule that decided; empty if there was none.
     */
    public function ruleId(): string
    {
        return $this->textOf('rule_id') ?? '';
    }

    /**
     * The experiment group, if there is one.
     */
    public function groupName(): ?string
    {
        return $this->textOf('group_name');
    }

    /**
     * The type of the id that was evaluated, for example "userID"; empty if not known.
     */
    public function idType(): string
    {
        return $this->textOf('id_type') ?? '';
    }

    /**
     * Where the value came from, for example "Network" or "Network:Unrecognized".
     */
    public function reason(): string
    {
        return $this->textOf('reason') ?? '';
    }

    /**
     * When the rules and the evaluation were made.
     */
    public function times(): Times
    {
        $out = Call::struct('tidegate_eval_times');
        Call::check($this->ffi->tidegate_result_times($this->id, \FFI::addr($out)));
        return new Times($out->config_sync, $out->init, $out->server);
    }

    /**
     * Where the value came from, in parts.
     */
    public function details(): Details
    {
        $found = $this->toArray()['details'];
        return new Details(
            $found['source'],
            $found['reason'],
            $found['detailed_reason'],
            $found['config_sync_time'],
            $found['init_time'],
            $found['server_time'],
        );
    }

    /**
     * Everything about the result, as JSON. Logs no exposure.
     */
    public function toJson(): string
    {
        $out = Call::buffer();
        return Call::text($this->ffi->tidegate_result_to_json($this->id, $out), $out);
    }

    /**
     * Everything about the result. Logs no exposure.
     *
     * @return array<string, mixed>
     */
    public function toArray(): array
    {
        return Json::decode($this->toJson());
    }

    /**
     * @internal
     */
    public static function release(int $id): void
    {
        Library::ffi()->tidegate_result_release($id);
    }

    private function textOf(string $member): ?string
    {
        $length = Call::out('size_t');
        $text = match ($member) {
            'name' => $this->ffi->tidegate_result_name(Call::live($this->id), $length),
            'rule_id' => $this->ffi->tidegate_result_rule_id(Call::live($this->id), $length),
            'group_name' => $this->ffi->tidegate_result_group_name(Call::live($this->id), $length),
            'id_type' => $this->ffi->tidegate_result_id_type(Call::live($this->id), $length),
            'reason' => $this->ffi->tidegate_result_reason(Call::live($this->id), $length),
        };
        if ($text === null || strlen($text) === $length[0]) {
            return $text;
        }
        // PHP ended it at a NUL inside.
        $all = $this->toArray();
        return $member === 'reason' ? $all['details']['detailed_reason'] : $all[$member];
    }
}
