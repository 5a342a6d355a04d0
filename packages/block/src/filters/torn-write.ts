/**
 * A filter that tears writes: only their first blocks reach the device. It then says so ("error", a failing medium),
 * says nothing is wrong ("success", a lying one) or never answers ("silence", a power loss) until the device is closed.
 */
import type { BlockDevice, BlockError, BlockRequest } from "../device.ts";
import { type FaultRule, FaultRules } from "./fault-rule.ts";
import { FilterDevice } from "./filter-device.ts";

export interface TornWriteRule extends FaultRule {
  /** How much of the write is kept, in bytes: whole blocks. */
  readonly keepBytes: number;
  readonly answer: "error" | "success" | "silence";
}

const TORN: BlockError = { code: "medium-error", detail: "torn write (injected)" };

export class TornWriteFilter extends FilterDevice {
  readonly rules = new FaultRules<TornWriteRule>();
  /** Requests that were never answered; closing gives them up. */
  #silenced: BlockRequest[] = [];

  constructor(inner: BlockDevice) {
    super(inner);
  }

  override submit(request: BlockRequest): void {
    const rule = request.op === "write" ? this.rules.match(request) : null;
    if (rule === null) {
      this.inner.submit(request);
      return;
    }
    const length = Math.min(rule.keepBytes, request.length);
    this.inner.submit({
      op: "write",
      offset: request.offset,
      length,
      buffer: request.buffer?.subarray(0, length) ?? null,
      fua: request.fua,
      complete: (error) => this.#answer(request, rule, error),
    });
  }

  override close(done: (error: BlockError | null) => void): void {
    this.inner.close((error) => {
      for (const request of this.#silenced.splice(0)) request.complete(TORN);
      done(error);
    });
  }

  #answer(request: BlockRequest, rule: TornWriteRule, error: BlockError | null): void {
    if (rule.answer === "silence") this.#silenced.push(request);
    else if (error !== null) request.complete(error);
    else request.complete(rule.answer === "error" ? TORN : null);
  }
}
