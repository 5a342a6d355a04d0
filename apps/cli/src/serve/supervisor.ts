/**
 * `lockstep serve`: starts a server's data path and backend as siblings, restarts the one that dies, and stops both
 * when it is told to. What a killed supervisor left running is adopted, not restarted: hosts notice nothing (SPEC C4).
 *
 * Order of a start: find what runs, check the ports, data path, `ready`, backend. The backend comes last so that it
 * never touches a folder whose data path was refused.
 */
import { Failure, type ServeOptions, type Status } from "@lockstep/model";
import { findRunning } from "./adoption.ts";
import { DataPathLine, type Hello } from "./data-path-line.ts";
import { newPassword } from "./first-password.ts";
import { Keeper, stopProcess } from "./keeper.ts";
import { checkPorts, portNeeds } from "./ports.ts";
import { launchOf, type Programs } from "./programs.ts";
import {
  fingerprintOf,
  type ProcessRecord,
  type Role,
  type ServeRecord,
  writeRecord,
} from "./record.ts";
import { adopt, type Ending, type RunningProcess } from "./running-process.ts";
import { whyItEnded } from "./start-failure.ts";
import {
  adoptionReport,
  lossReport,
  passwordLine,
  processNames,
  readyLine,
  restartReport,
  type Voice,
} from "./voice.ts";

/** Past this an operator wants to know what is being waited for. */
const SLOW_START_MS = 10_000;

export class Supervisor {
  readonly #options: ServeOptions;
  readonly #voice: Voice;
  readonly #keepers: Record<Role, Keeper>;
  readonly #line: DataPathLine;
  readonly #stop = new AbortController();
  readonly #stopped: Promise<void>;
  readonly #answered = Promise.withResolvers<void>();
  readonly #record: ServeRecord = { datapath: null, backend: null };
  #isUp = false;

  /** `options.data` exists and is held by this process. */
  constructor(options: ServeOptions, programs: Programs, voice: Voice) {
    this.#options = options;
    this.#voice = voice;
    this.#stopped = new Promise((resolve) => {
      this.#stop.signal.addEventListener("abort", () => resolve());
    });
    const keeper = (role: Role) =>
      new Keeper(() => launchOf(role, programs, options), {
        started: (process, isRestart) => this.#onStarted(role, process, isRestart),
        lost: (process, ending, pauseMs) => this.#onLost(role, process, ending, pauseMs),
        failed: (error) => this.#onFailed(role, error),
      });
    this.#keepers = { datapath: keeper("datapath"), backend: keeper("backend") };
    this.#line = new DataPathLine(options.data, () => this.#hello(), {
      connected: (status) => this.#onConnected(status),
      lost: () => this.#keepers.datapath.process?.suspect(),
      status: (status) => this.#onStatus(status),
    });
  }

  /** Asks for a clean end; may be called at any time and more than once. */
  requestStop(): void {
    this.#stop.abort();
  }

  /** Serves until a stop is asked for. Resolves to whether all ended by themselves then; rejects with a Failure. */
  async run(): Promise<boolean> {
    try {
      await this.#bringUp();
      await this.#stopped;
    } catch (error) {
      await this.#shutDown();
      throw error;
    }
    return await this.#shutDown();
  }

  async #bringUp(): Promise<void> {
    const running = await findRunning(this.#options.data);
    const backend = await this.#fittingBackend(running.backend);
    if (running.datapath === null) await checkPorts(portNeeds(this.#options, backend !== null));
    if (this.#stop.signal.aborted) return;

    if (running.datapath === null) this.#keepers.datapath.begin();
    else this.#adopt("datapath", running.datapath);
    await this.#waitForAnswer();
    if (this.#stop.signal.aborted) return;
    this.#isUp = true;
    this.#voice.out(readyLine(this.#options));

    if (backend === null) this.#keepers.backend.begin();
    else this.#adopt("backend", backend);
    this.#tellAdoption(running.datapath, backend);
    void this.#tellPassword();
  }

  /** A backend that was started from something else is ended, since it can be replaced without hosts noticing. */
  async #fittingBackend(backend: ProcessRecord | null): Promise<ProcessRecord | null> {
    if (backend === null || backend.fingerprint === fingerprintOf(this.#options)) return backend;
    this.#voice.note(`replacing the backend (process ${backend.pid}), which was started otherwise`);
    await stopProcess(adopt(backend));
    return null;
  }

  async #waitForAnswer(): Promise<void> {
    void this.#line.keep();
    const timer = setTimeout(() => {
      const pid = this.#keepers.datapath.process?.record.pid ?? "none";
      this.#voice.note(
        `still waiting for the data path (process ${pid}); its log is ${this.#options.data}/log/datapath.log`,
      );
    }, SLOW_START_MS);
    try {
      await Promise.race([this.#answered.promise, this.#stopped]);
    } finally {
      clearTimeout(timer);
    }
  }

  #adopt(role: Role, record: ProcessRecord): void {
    this.#keepers[role].keep(adopt(record));
    this.#remember(role, record);
  }

  #tellAdoption(datapath: ProcessRecord | null, backend: ProcessRecord | null): void {
    const adopted: Role[] = [];
    if (datapath !== null) adopted.push("datapath");
    if (backend !== null) adopted.push("backend");
    if (adopted.length === 0) return;
    const report = adoptionReport(adopted);
    this.#voice.note(report.message);
    this.#line.report(report);
    if (!this.#restartNeeded()) return;
    this.#voice.note(
      "the data path was started with other options or another version; it runs on as it is",
    );
    this.#voice.note("restart needed: stop this server and start it again when hosts can spare it");
  }

  async #tellPassword(): Promise<void> {
    const password = await newPassword(this.#options.data, this.#stop.signal);
    if (password !== null) this.#voice.out(passwordLine(password, this.#options.data));
  }

  async #shutDown(): Promise<boolean> {
    this.#stop.abort();
    this.#line.close();
    const ended = await Promise.all(
      (["backend", "datapath"] as const).map(async (role) => {
        const inTime = await this.#keepers[role].stop();
        if (!inTime)
          this.#voice.note(`the ${processNames[role]} did not end in time and was killed`);
        return inTime;
      }),
    );
    return ended.every((inTime) => inTime);
  }

  #restartNeeded(): boolean {
    const process = this.#keepers.datapath.process;
    return process?.adopted === true && process.record.fingerprint !== fingerprintOf(this.#options);
  }

  #hello(): Hello {
    return { role: "supervisor", pid: process.pid, restartNeeded: this.#restartNeeded() };
  }

  /** Without the record, as on a full disk, a next supervisor asks the data path what runs. */
  #remember(role: Role, record: ProcessRecord): void {
    this.#record[role] = record;
    try {
      writeRecord(this.#options.data, this.#record);
    } catch (error) {
      this.#voice.note(`cannot note which processes run: ${(error as Error).message}`);
    }
  }

  #onStarted(role: Role, process: RunningProcess, isRestart: boolean): void {
    this.#remember(role, process.record);
    if (!isRestart) return;
    const report = restartReport(role, process);
    this.#voice.note(report.message);
    this.#line.report(report);
  }

  #onLost(role: Role, process: RunningProcess, ending: Ending, pauseMs: number): void {
    // A data path that never came up says why; starting it again would only say it again.
    if (role === "datapath" && !this.#isUp && !process.adopted) {
      this.#answered.reject(whyItEnded(process, ending));
      return;
    }
    const report = lossReport(role, process, ending, pauseMs);
    this.#voice.note(report.message);
    this.#line.report(report);
  }

  #onFailed(role: Role, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    const sentence = `cannot start the ${processNames[role]}: ${reason}`;
    if (role === "datapath" && !this.#isUp)
      this.#answered.reject(new Failure("unavailable", sentence));
    else this.#voice.note(sentence);
  }

  #onConnected(status: Status): void {
    this.#keepers.datapath.process?.trust();
    this.#onStatus(status);
    this.#answered.resolve();
  }

  /** The data path sees the backend's connection, which is the sign of life of an adopted one. */
  #onStatus(status: Status): void {
    const backend = this.#keepers.backend.process;
    if (backend === null) return;
    if (status.processes.backend === backend.record.pid) backend.trust();
    else backend.suspect();
  }
}
