/**
 * Opening and creating the backing of a LUN: a raw image file of exactly the LUN's size, or a block device path. Both
 * take the exclusive lock, so that a second opener is refused. What holds data already is adopted or wiped only when
 * told so; what fails leaves the folder as it was. Every refusal is a `Failure` that says what to do.
 */
import fs from "node:fs";
import path from "node:path";
import { Failure, formatSize, LOGICAL_BLOCK_BYTES } from "@lockstep/model";
import { type Backing, FileDevice } from "./file-device.ts";
import { isEmpty } from "./io/emptiness.ts";
import { blockDeviceSize, type ErrorName, lockExclusively } from "./io/system-calls.ts";

/** What to do with a backing that holds data: refuse it, take the data over, or destroy it. */
export type ExistingData = "refuse" | "adopt" | "wipe";

const FILE_MODE = 0o600;

/** The sentence for a user about a system error on `file`; anything else is what it was. */
function failureOf(thrown: unknown, file: string): unknown {
  if (!(thrown instanceof Error && "code" in thrown && "syscall" in thrown)) return thrown;
  const code = String(thrown.code);
  switch (code) {
    case "ENOENT":
      return new Failure("not-found", `${file} does not exist, or its folder doesn't`);
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return new Failure("refused", `${file} may not be written by this server (${code})`);
    case "EBUSY":
      return new Failure("refused", `${file} is in use, mounted perhaps`);
    case "ENOSPC":
    case "EDQUOT":
      return new Failure("refused", `there is no space left for ${file} (${code})`);
    case "EFBIG":
      return new Failure("refused", `${file} would be larger than its file system allows`);
    default:
      return new Failure("unavailable", `${file} can't be used: ${code}`);
  }
}

function checkPath(file: string): void {
  if (path.isAbsolute(file)) return;
  throw new Failure("usage", `${file} is not an absolute path`, "write the path from the root");
}

function checkSize(sizeBytes: number): void {
  const isWhole = Number.isSafeInteger(sizeBytes) && sizeBytes % LOGICAL_BLOCK_BYTES === 0;
  if (isWhole && sizeBytes > 0) return;
  const blocks = `whole blocks of ${LOGICAL_BLOCK_BYTES} bytes`;
  throw new Failure("usage", `a size of ${sizeBytes} bytes is not ${blocks}`);
}

const bytesAndUnits = (bytes: number) => `${bytes} bytes (${formatSize(bytes)})`;

/** What lies at `file`, through symbolic links (device paths often are some); null when nothing does. */
function statOf(file: string): fs.Stats | null {
  return fs.statSync(file, { throwIfNoEntry: false }) ?? null;
}

/** O_EXCL on a block device claims it from the kernel: mounted or otherwise in use, it is refused. */
function openExisting(file: string, stats: fs.Stats): Backing {
  const { O_RDWR, O_EXCL } = fs.constants;
  if (!stats.isFile() && !stats.isBlockDevice()) {
    throw new Failure("refused", `${file} is neither a file nor a block device`);
  }
  const kind = stats.isFile() ? "file" : "block-special";
  const fd = fs.openSync(file, kind === "file" ? O_RDWR : O_RDWR | O_EXCL);
  try {
    lock(fd, file);
    const size = kind === "file" ? fs.fstatSync(fd).size : blockDeviceSize(fd);
    if (typeof size !== "number") {
      throw new Failure("unavailable", `the size of ${file} is not known: ${size}`);
    }
    return { fd, path: file, kind, sizeBytes: size };
  } catch (thrown) {
    fs.closeSync(fd);
    throw thrown;
  }
}

/** Locks, and makes sure that the path still leads to what was locked: its creator may have failed and removed it. */
function lock(fd: number, file: string): void {
  checkLock(lockExclusively(fd), file);
  const named = statOf(file);
  const opened = fs.fstatSync(fd);
  if (named !== null && named.ino === opened.ino && named.dev === opened.dev) return;
  throw new Failure("refused", `${file} was replaced while it was being opened`);
}

function checkLock(error: ErrorName | null, file: string): void {
  if (error === null) return;
  if (error !== "EAGAIN") throw new Failure("unavailable", `${file} can't be locked: ${error}`);
  const hint = "one backing belongs to one LUN of one running server";
  throw new Failure("refused", `${file} is in use by another LUN or server`, hint);
}

/** A name is stable only when its folder is. */
function syncFolderOf(file: string): void {
  const fd = fs.openSync(path.dirname(file), fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

function createNew(file: string, sizeBytes: number): Backing {
  const { O_RDWR, O_CREAT, O_EXCL } = fs.constants;
  const fd = fs.openSync(file, O_RDWR | O_CREAT | O_EXCL, FILE_MODE);
  const lockError = lockExclusively(fd);
  try {
    checkLock(lockError, file);
    fs.ftruncateSync(fd, sizeBytes);
    fs.fsyncSync(fd);
    syncFolderOf(file);
    return { fd, path: file, kind: "file", sizeBytes };
  } catch (thrown) {
    // Locked by another that found it just now: theirs, and not to be removed.
    if (lockError !== "EAGAIN") fs.unlinkSync(file);
    fs.closeSync(fd);
    throw thrown;
  }
}

function checkSameSize(backing: Backing, sizeBytes: number): void {
  if (backing.sizeBytes === sizeBytes) return;
  const found = bytesAndUnits(backing.sizeBytes);
  const hint = `give the LUN exactly ${backing.sizeBytes} bytes`;
  const wanted = bytesAndUnits(sizeBytes);
  throw new Failure("refused", `${backing.path} holds ${found}, not ${wanted}`, hint);
}

/** "refuse": only what holds nothing but holes and zeroes is taken. */
async function checkEmpty(backing: Backing): Promise<void> {
  const verdict = await isEmpty(backing.fd, backing.sizeBytes);
  if (verdict === "empty") return;
  const reason = verdict === "data" ? "holds data" : "is too large to look through for data";
  const hint = "say whether to adopt it or to wipe it";
  throw new Failure("exists", `${backing.path} ${reason}`, hint);
}

/** Zeroes the whole device, giving the space back where it can. */
function wipe(device: FileDevice): Promise<void> {
  return new Promise((resolve, reject) => {
    device.submit({
      op: "unmap",
      offset: 0,
      length: device.sizeBytes,
      buffer: null,
      fua: true,
      complete: (error) => {
        if (error === null) return resolve();
        reject(new Failure("unavailable", `${device.path} can't be wiped: ${error.detail}`));
      },
    });
  });
}

/** Makes an existing backing the LUN's, as `existing` says. */
async function takeOver(
  backing: Backing,
  sizeBytes: number,
  existing: ExistingData,
): Promise<FileDevice> {
  const isFile = backing.kind === "file";
  if (existing === "adopt" || !isFile) checkSameSize(backing, sizeBytes);
  if (existing === "refuse") await checkEmpty(backing);
  // First the new size, which may turn out impossible before anything is destroyed.
  if (existing !== "adopt" && isFile) fs.ftruncateSync(backing.fd, sizeBytes);
  if (existing === "wipe" && isFile) {
    fs.ftruncateSync(backing.fd, 0);
    fs.ftruncateSync(backing.fd, sizeBytes);
  }
  fs.fsyncSync(backing.fd);
  if (isFile) syncFolderOf(backing.path);
  const device = new FileDevice({ ...backing, sizeBytes });
  if (existing === "wipe" && !isFile) await wipe(device);
  return device;
}

/**
 * Creates a LUN's backing at an absolute path: a new sparse file of `sizeBytes`, or what is there already, if it holds
 * no data or `existing` says what to do with it. Stable when it returns.
 */
export async function createFile(
  file: string,
  sizeBytes: number,
  existing: ExistingData,
): Promise<FileDevice> {
  checkPath(file);
  checkSize(sizeBytes);
  try {
    const stats = statOf(file);
    if (stats === null) return new FileDevice(createNew(file, sizeBytes));
    const backing = openExisting(file, stats);
    try {
      return await takeOver(backing, sizeBytes, existing);
    } catch (thrown) {
      fs.closeSync(backing.fd);
      throw thrown;
    }
  } catch (thrown) {
    throw failureOf(thrown, file);
  }
}

/** Opens a LUN's backing as it is: what a server does at its start. */
export function openFile(file: string): FileDevice {
  checkPath(file);
  try {
    const stats = statOf(file);
    if (stats === null) throw new Failure("not-found", `${file} does not exist`);
    const backing = openExisting(file, stats);
    if (backing.sizeBytes > 0 && backing.sizeBytes % LOGICAL_BLOCK_BYTES === 0) {
      return new FileDevice(backing);
    }
    fs.closeSync(backing.fd);
    const holds = `${file} holds ${backing.sizeBytes} bytes`;
    throw new Failure("refused", `${holds}, not whole blocks of ${LOGICAL_BLOCK_BYTES}`);
  } catch (thrown) {
    throw failureOf(thrown, file);
  }
}
