/** Unit attentions that one initiator has not been told yet (SAM-5 section 5.14), in the order in which they arose. */
import type { Sense } from "../scsi/sense.ts";
import type { Unit } from "../scsi/unit.ts";
import { MAX_ATTENTIONS } from "./limits.ts";

export class Attentions {
  readonly #byUnit = new Map<Unit, Sense[]>();

  add(unit: Unit, sense: Sense): void {
    const queue = this.#byUnit.get(unit) ?? [];
    this.#byUnit.set(unit, queue);
    const known = queue.some(({ code }) => code === sense.code);
    if (!known && queue.length < MAX_ATTENTIONS) queue.push(sense);
  }

  take(unit: Unit): Sense | null {
    if (this.#byUnit.size === 0) return null;
    const queue = this.#byUnit.get(unit);
    const sense = queue?.shift() ?? null;
    if (queue?.length === 0) this.#byUnit.delete(unit);
    return sense;
  }

  /** Drops all attentions with this code: what they announce has been looked at. */
  drop(code: number): void {
    for (const [unit, queue] of this.#byUnit) {
      const kept = queue.filter((sense) => sense.code !== code);
      if (kept.length === 0) this.#byUnit.delete(unit);
      else this.#byUnit.set(unit, kept);
    }
  }

  all(): { lun: number; senses: Sense[] }[] {
    return [...this.#byUnit].map(([unit, senses]) => ({ lun: unit.number, senses: [...senses] }));
  }
}
