/**
 * An iSCSI target in two halves: the portal of the main thread, which listens and discovers, and the target server of
 * each worker thread, which owns targets and their sessions.
 */
export {
  type CatalogueEntry,
  Portal,
  type PortalCounters,
  type PortalOptions,
  type PortalRejection,
} from "./portal.ts";
export type { LogicalUnit, UnitIdentity } from "./scsi/unit.ts";
export type { KeepaliveTimes } from "./session/keepalive.ts";
export type { EndReason } from "./session/session-host.ts";
export type { LoginHandoff, SessionState } from "./session/session-state.ts";
export { closeDetached } from "./socket-handoff.ts";
export {
  type DrainedTarget,
  PORTAL_GROUP_TAG,
  type SessionSummary,
  TargetServer,
  type TargetServerOptions,
  type UnitChange,
} from "./target-server.ts";
