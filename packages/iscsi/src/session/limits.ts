/** Bounds of one session. Each says what happens past it. */

/** Commands an initiator may have under way; MaxCmdSN follows from it. Beyond: silently ignored (RFC 7143 4.2.2.1). */
export const COMMAND_WINDOW = 128;
/** Immediate commands beyond the window. Beyond: Reject, "too many immediate commands". */
export const MAX_IMMEDIATE_TASKS = 32;
/** Bytes of write data being gathered. Beyond: R2Ts wait until others have gone to the device. */
export const MAX_GATHERING_BYTES = 32 * 1024 * 1024;
/** Bytes of read data under way, from the device's buffer to the kernel's. Beyond: nothing more is read. */
export const MAX_SENDING_BYTES = 16 * 1024 * 1024;
/** Bytes held back while a session moves to another thread. Beyond: the connection is closed. */
export const MAX_HELD_BYTES = 64 * 1024 * 1024;
/** Unit attentions kept per unit. Beyond: the newest is dropped; the host looks anew on any of them. */
export const MAX_ATTENTIONS = 8;
/** Login requests are at most this long, whatever is declared, in bytes. */
export const MAX_LOGIN_DATA_BYTES = 8192;
