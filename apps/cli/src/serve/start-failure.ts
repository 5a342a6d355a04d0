/** Why a data path did not come up, in one sentence: its own, if it left one in its log. */
import { EXIT_STATUS, Failure } from "@lockstep/model";
import { lastWords } from "./log-file.ts";
import { describeEnding, type Ending, type RunningProcess } from "./running-process.ts";

export function whyItEnded(process: RunningProcess, ending: Ending): Failure {
  const { log, record } = process;
  const words = log === null ? null : lastWords(log.path, log.startOffset);
  if (words !== null && !words.isCrash && ending.signal === null) {
    const code = ending.code === EXIT_STATUS.refused ? "refused" : "unavailable";
    return new Failure(code, words.sentence, words.hint);
  }
  const sentence = `the data path (process ${record.pid}) ${describeEnding(ending)}`;
  return new Failure(
    "unavailable",
    words === null ? sentence : `${sentence}: ${words.sentence}`,
    log === null ? null : `its log is ${log.path}`,
  );
}
