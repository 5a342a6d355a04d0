/** A filter that fails the requests its rules name. They never reach the device. */
import type { BlockDevice, BlockError, BlockRequest } from "../device.ts";
import { type FaultRule, FaultRules } from "./fault-rule.ts";
import { FilterDevice } from "./filter-device.ts";

export interface ErrorRule extends FaultRule {
  readonly error: BlockError;
}

export class ErrorFilter extends FilterDevice {
  readonly rules = new FaultRules<ErrorRule>();

  constructor(inner: BlockDevice) {
    super(inner);
  }

  override submit(request: BlockRequest): void {
    const rule = this.rules.match(request);
    if (rule === null) this.inner.submit(request);
    else request.complete(rule.error);
  }
}
