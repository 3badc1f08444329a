/** Work that several ask for at the same time is done once, and all get what it brought. */
export class Sharing<Value> {
  readonly #running = new Map<string, Promise<Value>>();

  do(key: string, work: () => Promise<Value>): Promise<Value> {
    const running = this.#running.get(key);
    if (running) return running;
    const started = work().finally(() => this.#running.delete(key));
    this.#running.set(key, started);
    return started;
  }
}
