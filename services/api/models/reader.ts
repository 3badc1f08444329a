/** Reads JSON bodies into samples: small ones at once, large ones on a thread of their own. */
import { ResidentThread } from "../../prediction/index.ts";
import { built } from "../../shared/built.ts";
import type { Log } from "../../shared/log.ts";
import { Problem } from "../http/problem.ts";
import { readings, type About, type ReadingAnswer, type ReadingName, type Readings } from "./reading.ts";

/** What is read in less time than it takes to hand it over. */
export const smallBytes = 1024 * 1024;
const mostMilliseconds = 60_000;

const entry = built("services/api/models/reading-thread.js");

export class BodyReader {
  readonly #thread: ResidentThread;

  /** `processes`: as many that read share what may wait. */
  constructor({ processes = 1, log }: { processes?: number; log: Log }) {
    this.#thread = new ResidentThread({
      entry,
      name: "reader",
      workerData: null,
      mostWaiting: Math.ceil(64 / processes),
      mostWaitMs: 20_000,
      rest: { afterMs: 20_000, keptBytes: 64 * 1024 * 1024, warm: false },
      log,
    });
  }

  /** At once what is small. Throws a problem. */
  read<Name extends ReadingName>(
    name: Name,
    body: Buffer,
    about: About,
  ): ReturnType<Readings[Name]> | Promise<ReturnType<Readings[Name]>> {
    if (body.length <= smallBytes) return readings[name](body, about) as ReturnType<Readings[Name]>;
    return this.#readElsewhere(name, body, about);
  }

  async #readElsewhere<Name extends ReadingName>(
    name: Name,
    body: Buffer,
    about: About,
  ): Promise<ReturnType<Readings[Name]>> {
    const bytes = new Uint8Array(body.buffer, body.byteOffset, body.length);
    const answer = (await this.#thread.call(name, () => ({ bytes, about }), {
      milliseconds: mostMilliseconds,
    })) as ReadingAnswer;
    if ("problem" in answer) throw new Problem(answer.problem);
    return answer.read as ReturnType<Readings[Name]>;
  }

  close(): Promise<void> {
    return this.#thread.close();
  }
}
