/** A map that forgets what was not used for longest, once the sizes of its values together are more than `limit`: bytes, or one each. */
export class Lru<Value extends { size: number }> {
  readonly #values = new Map<string, Value>();
  readonly #limit: number;
  #size = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get(key: string): Value | undefined {
    const value = this.#values.get(key);
    if (!value) return undefined;
    // A Map keeps the order of insertion: the last one is the one used last.
    this.#values.delete(key);
    this.#values.set(key, value);
    return value;
  }

  set(key: string, value: Value): void {
    this.delete(key);
    if (value.size > this.#limit) return;
    this.#values.set(key, value);
    this.#size += value.size;
    for (const oldest of this.#values.keys()) {
      if (this.#size <= this.#limit) break;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    this.#size -= this.#values.get(key)?.size ?? 0;
    this.#values.delete(key);
  }

  clear(): void {
    this.#values.clear();
    this.#size = 0;
  }
}
