/** How a command ends: a sentence for what people can mend, the stack for a fault of ours; exit code 1 for both. */
import { ConfigError } from "../services/shared/config.ts";
import { redaction } from "../services/shared/redaction.ts";
import { isRedisAway } from "../services/shared/redis.ts";

type ErrorClass = new (...given: never[]) => Error;

/** `known`: errors of the command's own whose message says all. What `parseArgs` refuses is a TypeError with a code. */
export async function runCommand(run: () => Promise<void>, known: readonly ErrorClass[] = []): Promise<void> {
  try {
    await run();
  } catch (error) {
    const isKnown =
      [ConfigError, ...known].some((each) => error instanceof each) ||
      isRedisAway(error) ||
      (error instanceof TypeError && "code" in error);
    const text = isKnown ? (error as Error).message : String((error as Error).stack);
    process.stderr.write(`${redaction(process.env)(text)}\n`);
    process.exitCode = 1;
  }
}
