/** The api: one process that answers, or with API_PROCESSES one that starts several and looks after them. */
import { setFlagsFromString } from "node:v8";
import closeWithGrace from "close-with-grace";
import { readConfig, requireAuth, type Config } from "../shared/config.ts";
import { endWithParent } from "../shared/lifeline.ts";
import { createLog } from "../shared/log.ts";
import { keepToOwner } from "../shared/ownership.ts";
import { endUnstarted } from "../shared/start.ts";
import { FirstProcess } from "./processes/first.ts";
import { asMember } from "./processes/member.ts";
import { mostSecondsToEnd, sayListening, serve } from "./serve.ts";

const allowedMs = (mostSecondsToEnd + 2) * 1000;

/** The old generation is collected when it has grown by so much. By itself V8 lets it grow threefold. */
const heapGrowthPercent = 30;

async function lead(config: Config): Promise<void> {
  const log = createLog({ level: config.logLevel, service: "api" });
  let code = 0;
  const first = new FirstProcess({
    config,
    log,
    onListening: (port) => sayListening(config, port),
    onUseless: (exitCode) => {
      code = exitCode;
      ending.close();
    },
  });
  const ending = closeWithGrace(
    {
      delay: allowedMs + 1000,
      logger: { error: (error: unknown) => log.error({ err: error }, "the api ends after a failure") },
    },
    async ({ err, signal }) => {
      if (err) log.error({ err }, "the api ends after a failure");
      else log.info({ signal }, "the api ends");
      await first.stop(allowedMs);
      if (code !== 0) process.exit(code);
    },
  );
  await first.start();
}

try {
  endWithParent();
  keepToOwner();
  setFlagsFromString(`--heap-growing-percent=${heapGrowthPercent}`);
  const config = readConfig(process.env);
  requireAuth(config);
  const member = asMember();
  if (member === null && config.apiProcesses > 1) await lead(config);
  else await serve(config, member);
} catch (error) {
  endUnstarted(error);
}
