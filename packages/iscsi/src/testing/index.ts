/** For tests elsewhere: an initiator that speaks to any target over TCP. */
export {
  ConnectionLost,
  Initiator,
  type LoginOptions,
  LoginRefused,
  type ScsiCommand,
  ScsiError,
  type ScsiResult,
} from "./initiator.ts";
