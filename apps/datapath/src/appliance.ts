/**
 * The data path's main thread, put together: the LUNs, the link, the workers and connection threads, the portals and the
 * local socket, each made here once and given what it needs of the others.
 */
import fs from "node:fs";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { randomBytes, randomUUID } from "node:crypto";
import {
  ConnectionArray,
  type HeartbeatEvent,
  type Heartbeats,
  keyedHash,
  monotonicMs,
  startHeartbeats,
} from "@lockstep/engine/io";
import { PORTAL_GROUP_TAG, Portal } from "@lockstep/iscsi";
import {
  type Actor,
  DEFAULT_LINK_SETTINGS,
  type EventKind,
  Failure,
  formatHostPort,
  PROTOCOL_VERSIONS,
  parseHostPort,
  type ServeOptions,
  type ServerId,
  type Severity,
  type Status,
  VERSION,
} from "@lockstep/model";
import { EventLog } from "./event-log.ts";
import { Connector } from "./link/connector.ts";
import { controlHandlers } from "./link/control-handlers.ts";
import { ControlServer } from "./link/control-server.ts";
import { LinkKeeper, noPeer } from "./link/link-keeper.ts";
import { Pairing } from "./link/pairing.ts";
import { StrangerLog } from "./link/stranger-log.ts";
import { LocalSocket } from "./local-socket.ts";
import { LunKeeper, SYSTEM } from "./luns/lun-keeper.ts";
import { OutageKeeper } from "./luns/outage-keeper.ts";
import { OutageLog } from "./outage-log.ts";
import { LinkRecord, LunTableRecord, ServerRecord } from "./records.ts";
import { StableFile } from "./stable-file.ts";
import { ConnectionThreads } from "./threads/connection-threads.ts";
import { Workers } from "./threads/workers.ts";
