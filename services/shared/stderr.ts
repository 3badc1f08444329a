/**
 * Lines to stderr that wait for nobody. What its reader has not taken stands in memory up to a bound; beyond it lines
 * are dropped and counted, for a log that nobody reads must neither stop the process nor fill it.
 */
const mostWaitingBytes = 1024 * 1024;

export class StderrLines {
  #dropped = 0;

  constructor() {
    // A reader that is gone is no reason to end: there is nobody left to tell.
    process.stderr.on("error", () => undefined);
  }

  write(line: string): void {
    if (process.stderr.writableLength > mostWaitingBytes) {
      this.#dropped += 1;
      return;
    }
    if (this.#dropped > 0) {
      const note = { level: 40, msg: `${this.#dropped} lines were dropped: nobody read this log` };
      this.#dropped = 0;
      process.stderr.write(`${JSON.stringify(note)}\n`);
    }
    process.stderr.write(line);
  }
}
