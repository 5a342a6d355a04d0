/**
 * Memory for what is sent: large buffers from which responses are carved one after another, so that the answers to one
 * burst of commands lie side by side and leave in one write. A slab is used again, still warm in the cache, once the
 * kernel has taken all that was carved from it. One pool per thread.
 */

const SLAB_BYTES = 1024 * 1024;
/** Anything larger gets a slab of its own, which is not kept. */
const MAX_CARVED_BYTES = 288 * 1024;
/** Slabs kept for later, beyond those in use. */
const MAX_SPARE_SLABS = 8;

export class Slab {
  readonly bytes: Buffer;
  readonly view: DataView;
  /** Where free room begins. */
  used = 0;
  /** Carved pieces that are not yet released. */
  refs = 0;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafeSlow(size);
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, size);
  }
}

export class SlabPool {
  #current = new Slab(SLAB_BYTES);
  readonly #spare: Slab[] = [];

  /** Carves `length` bytes: they begin at `used - length` of the slab returned, which counts one reference more. */
  carve(length: number): Slab {
    if (length > MAX_CARVED_BYTES) {
      const own = new Slab(length);
      own.used = length;
      own.refs = 1;
      return own;
    }
    let slab = this.#current;
    if (slab.used + length > SLAB_BYTES) {
      slab = this.#spare.pop() ?? new Slab(SLAB_BYTES);
      this.#current = slab;
    }
    slab.used += length;
    slab.refs++;
    return slab;
  }

  release(slab: Slab): void {
    slab.refs--;
    if (slab.refs > 0) return;
    slab.used = 0;
    if (slab === this.#current || slab.bytes.length !== SLAB_BYTES) return;
    if (this.#spare.length < MAX_SPARE_SLABS) this.#spare.push(slab);
  }
}
