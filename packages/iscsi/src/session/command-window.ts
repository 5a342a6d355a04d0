/**
 * The CmdSN window of a session (RFC 7143 section 4.2.2.1): which command is next, and how many more the initiator may
 * send. A session has one connection, so commands arrive in order or not at all.
 */
import { serialAdd, serialBefore } from "../pdu/serial.ts";
import { COMMAND_WINDOW } from "./limits.ts";

export type Admission =
  /** It is the next one, or immediate. */
  | "take"
  /** Outside of the window, or seen already: ignored without a word. */
  | "ignore"
  /** A command before it is missing, and nothing can bring it back at ErrorRecoveryLevel 0. */
  | "gap";

export class CommandWindow {
  expCmdSn: number;
  /** Non-immediate SCSI commands under way: each takes one place of the window. */
  taken = 0;
  /** CmdSNs whose commands were aborted before they came (section 11.5.5): they count as received. */
  readonly #skipped = new Set<number>();

  constructor(expCmdSn: number, skipped: readonly number[] = []) {
    this.expCmdSn = expCmdSn;
    for (const cmdSn of skipped) this.#skipped.add(cmdSn);
  }

  get maxCmdSn(): number {
    return serialAdd(this.expCmdSn, COMMAND_WINDOW - this.taken - 1);
  }

  get skipped(): readonly number[] {
    return [...this.#skipped];
  }

  admit(cmdSn: number, immediate: boolean): Admission {
    if (immediate) return "take";
    if (cmdSn === this.expCmdSn && this.taken < COMMAND_WINDOW) {
      this.expCmdSn = serialAdd(cmdSn, 1);
      if (this.#skipped.size > 0) this.#passSkipped();
      return "take";
    }
    const inWindow = !serialBefore(cmdSn, this.expCmdSn) && !serialBefore(this.maxCmdSn, cmdSn);
    return inWindow ? "gap" : "ignore";
  }

  /** Counts a command that has not come as received; false when `cmdSn` is not in the window before `limit`. */
  skip(cmdSn: number, limit: number): boolean {
    if (serialBefore(cmdSn, this.expCmdSn) || !serialBefore(cmdSn, limit)) return false;
    if (serialBefore(this.maxCmdSn, cmdSn)) return false;
    this.#skipped.add(cmdSn);
    this.#passSkipped();
    return true;
  }

  #passSkipped(): void {
    while (this.#skipped.delete(this.expCmdSn)) this.expCmdSn = serialAdd(this.expCmdSn, 1);
  }
}
