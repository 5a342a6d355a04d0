/** Why a data path did not come up, in one sentence: its own, if it left one in its log. */
import { EXIT_STATUS, Failure } from "@lockstep/model";
import { lastSentence } from "./log-file.ts";
import { describeEnding, type Ending, type RunningProcess } from "./running-process.ts";

export function whyItEnded(process: RunningProcess, ending: Ending): Failure {
  const { log, record } = process;
  const said = log === null ? null : lastSentence(log.path, log.startOffset);
  if (ending.code === EXIT_STATUS.refused && said !== null) return new Failure("refused", said);
  const sentence = `the data path (process ${record.pid}) ${describeEnding(ending)}`;
  return new Failure(
    "unavailable",
    said === null ? sentence : `${sentence}: ${said}`,
    log === null ? null : `its log is ${log.path}`,
  );
}
