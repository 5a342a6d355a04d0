/**
 * The system calls that Node.js lacks: fallocate, lseek with SEEK_DATA and SEEK_HOLE, flock, and the size of a block
 * device. Each returns what happened as a value: null (or a number) for success, else the error's name as Node.js
 * writes it ("ENOSPC"). A call costs about half a microsecond.
 */
import koffi from "koffi";

/** The process itself: libc is already loaded, whichever one it is (glibc or musl). */
const libc = koffi.load(null);
const callFallocate = libc.func(
  "int fallocate(int fd, int mode, int64_t offset, int64_t length)",
) as (fd: number, mode: number, offset: number, length: number) => number;
const callLseek = libc.func("int64_t lseek(int fd, int64_t offset, int whence)") as (
  fd: number,
  offset: number,
  whence: number,
) => number | bigint;
const callFlock = libc.func("int flock(int fd, int operation)") as (
  fd: number,
  operation: number,
) => number;
const callIoctl = libc.func("int ioctl(int fd, unsigned long request, _Out_ uint64_t *value)") as (
  fd: number,
  request: number,
  value: [number | bigint | null],
) => number;

/** linux/falloc.h */
const FALLOC_FL_KEEP_SIZE = 0x01;
const FALLOC_FL_PUNCH_HOLE = 0x02;
const FALLOC_FL_ZERO_RANGE = 0x10;
/** unistd.h */
const SEEK_DATA = 3;
const SEEK_HOLE = 4;
/** sys/file.h */
const LOCK_EX = 2;
const LOCK_NB = 4;
/** linux/fs.h: _IOR(0x12, 114, size_t), on 64-bit machines. */
const BLKGETSIZE64 = 0x80081272;

/** The symbolic name of an error number, e.g. "ENOSPC". */
export type ErrorName = string;

const nameByNumber = new Map(
  Object.entries(koffi.os.errno).map(([name, number]) => [number, name]),
);

/** EOPNOTSUPP and EWOULDBLOCK share numbers with ENOTSUP and EAGAIN on Linux: one name for each number. */
nameByNumber.set(koffi.os.errno.EOPNOTSUPP ?? 95, "EOPNOTSUPP");
nameByNumber.set(koffi.os.errno.EAGAIN ?? 11, "EAGAIN");

function lastError(): ErrorName {
  const number = koffi.errno();
  return nameByNumber.get(number) ?? `errno ${number}`;
}

function fallocate(fd: number, mode: number, offset: number, length: number): ErrorName | null {
  for (;;) {
    if (callFallocate(fd, mode, offset, length) === 0) return null;
    const error = lastError();
    if (error !== "EINTR") return error;
  }
}

/**
 * Makes a range read as zeroes and gives its space back. On a block device (since Linux 4.9) a discard that is sure to
 * leave zeroes; "EOPNOTSUPP" where the file system or the device can't.
 */
export function punchHole(fd: number, offset: number, length: number): ErrorName | null {
  return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
}

/** Makes a range read as zeroes that keep (or get) their space, without writing them where the file system can. */
export function zeroRange(fd: number, offset: number, length: number): ErrorName | null {
  return fallocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, offset, length);
}

function seek(fd: number, offset: number, whence: number): number | ErrorName {
  const position = callLseek(fd, offset, whence);
  return position < 0 ? lastError() : Number(position);
}

/** Where the next data at or after `offset` begins; "ENXIO" when only a hole is left. */
export function seekData(fd: number, offset: number): number | ErrorName {
  return seek(fd, offset, SEEK_DATA);
}

/** Where the next hole at or after `offset` begins; a file's end counts as one. */
export function seekHole(fd: number, offset: number): number | ErrorName {
  return seek(fd, offset, SEEK_HOLE);
}

/** Takes the exclusive lock of an open file; "EAGAIN" when another opening of it, here or elsewhere, has it. */
export function lockExclusively(fd: number): ErrorName | null {
  return callFlock(fd, LOCK_EX | LOCK_NB) === 0 ? null : lastError();
}

/** Size of an open block device in bytes. */
export function blockDeviceSize(fd: number): number | ErrorName {
  const value: [number | bigint | null] = [null];
  return callIoctl(fd, BLKGETSIZE64, value) === 0 ? Number(value[0]) : lastError();
}
