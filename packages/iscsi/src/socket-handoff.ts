/**
 * Moves a TCP connection from one thread to another (SPEC S1, S2): the descriptor is duplicated with dup(2), the first
 * socket destroyed, and a new one built on the duplicate where it is wanted. Destroying closes the descriptor without a
 * shutdown(2), so the connection itself notices nothing. Whoever holds a detached descriptor must attach or close it.
 */
import fs from "node:fs";
import net from "node:net";
import koffi from "koffi";

const libc = koffi.load(null);
/** The lowest descriptor that the duplicate may get: not one of the standard three. */
const LOWEST = 3;
const F_DUPFD_CLOEXEC = 1030;
const duplicate: (fd: number, command: number, lowest: number) => number = libc.func(
  "int fcntl(int fd, int command, int lowest)",
);

/** The part of a socket that Node does not declare. */
interface Described {
  readonly _handle?: { readonly fd?: number } | null;
}

/**
 * Takes the descriptor away from a socket, which is destroyed. Null when the socket has none any more. Bytes that the
 * socket has received and not yet delivered must be read before, and what it has to send must be sent.
 */
export function detach(socket: net.Socket): number | null {
  const fd = (socket as Described)._handle?.fd;
  const own = fd === undefined || fd < 0 ? -1 : duplicate(fd, F_DUPFD_CLOEXEC, LOWEST);
  socket.destroy();
  return own < 0 ? null : own;
}

/** A socket on a detached descriptor; it is closed with the socket. */
export function attach(fd: number): net.Socket {
  return new net.Socket({ fd, readable: true, writable: true });
}

/** Closes a detached descriptor that nobody wants. */
export function closeDetached(fd: number): void {
  fs.closeSync(fd);
}
