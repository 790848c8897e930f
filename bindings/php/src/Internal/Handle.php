<?php

declare(strict_types=1);

namespace Tidegate\Internal;

/**
 * An object of the library: its id, freed by `close` or with the PHP object.
 *
 * @internal
 */
trait Handle
{
    /**
     * The library's id; 0 when closed.
     *
     * @internal
     */
    public int $id = 0;

    /**
     * Frees it now instead of with the object.
     */
    public function close(): void
    {
        $id = $this->id;
        if ($id !== 0) {
            $this->id = 0;
            unset(Live::$handles[$id]);
            self::release($id);
        }
    }

    /**
     * The net for what nobody has closed.
     */
    public function __destruct()
    {
        $this->close();
    }

    /**
     * There is one object for one id.
     */
    public function __clone()
    {
        $this->id = 0;
        throw new \LogicException('it does not change: use it as it is');
    }

    /**
     * An id means nothing elsewhere.
     */
    public function __serialize(): never
    {
        throw new \LogicException('it lives in this process only');
    }

    /**
     * Takes over an id.
     */
    private function hold(int $id): void
    {
        $this->id = $id;
        Live::$handles[$id] = self::class;
    }
}
