/**
 * What the journal owes the mirror, in bytes and requests (SPEC R7, W10): grows with each append, shrinks as the mirror
 * says what it has applied. It remembers one mark per MARK_BYTES appended, so that its own size stays small.
 */

/** How finely what was passed is counted, in bytes. */
const MARK_BYTES = 2 ** 20;

/** The end of a stretch of the journal, with the totals up to it. */
interface Mark {
  turn: number;
  number: number;
  bytes: number;
  requests: number;
}

export class JournalLedger {
  #marks: Mark[] = [];
  /** Totals appended, and totals of the stretches passed. */
  #appendedBytes = 0;
  #appendedRequests = 0;
  #passedBytes = 0;
  #passedRequests = 0;
  /** The streams that the journal holds, by turn. */
  #turns: { hi: number; lo: number }[] = [];
  #stretchBegan = 0;
  #passedTurn = -1;
  #passedNumber = 0;

  /** Bytes that the mirror has not applied, rounded up by at most MARK_BYTES. */
  get bytes(): number {
    return this.#appendedBytes - this.#passedBytes;
  }

  /** Requests that the mirror has not applied, likewise. */
  get requests(): number {
    return this.#appendedRequests - this.#passedRequests;
  }

  /** The turn of the stream that was appended to last; -1 when nothing was. */
  get turn(): number {
    return this.#turns.length - 1;
  }

  /** Counts an append whose highest number is `last`. A stream that differs from the one before begins a turn. */
  append(hi: number, lo: number, last: number, requests: number, bytes: number): void {
    const current = this.#turns.at(-1);
    if (current === undefined || current.lo !== lo || current.hi !== hi)
      this.#turns.push({ hi, lo });
    this.count(last, requests, bytes);
  }

  /** Counts an append that doesn't change the stream. */
  count(last: number, requests: number, bytes: number): void {
    this.#appendedBytes += bytes;
    this.#appendedRequests += requests;
    const open = this.#marks.at(-1);
    if (open === undefined || this.#appendedBytes - this.#stretchBegan > MARK_BYTES) {
      this.#stretchBegan = this.#appendedBytes - bytes;
      this.#marks.push({
        turn: this.turn,
        number: last,
        bytes: this.#appendedBytes,
        requests: this.#appendedRequests,
      });
      return;
    }
    if (open.turn !== this.turn) open.number = last;
    else open.number = Math.max(open.number, last);
    open.turn = this.turn;
    open.bytes = this.#appendedBytes;
    open.requests = this.#appendedRequests;
  }

  /** The mirror has applied `number` of a stream, and all before it. A stream that isn't here changes nothing. */
  pass(hi: number, lo: number, number: number): void {
    const turn = this.turnOf(hi, lo);
    if (turn < 0) return;
    if (turn < this.#passedTurn || (turn === this.#passedTurn && number <= this.#passedNumber))
      return;
    this.#passedTurn = turn;
    this.#passedNumber = number;
    let passed = 0;
    for (const mark of this.#marks) {
      if (!this.isPassed(mark.turn, mark.number)) break;
      this.#passedBytes = mark.bytes;
      this.#passedRequests = mark.requests;
      passed++;
    }
    if (passed > 0) this.#marks.splice(0, passed);
  }

  /** The turn of a stream; -1 where the journal holds nothing of it. */
  turnOf(hi: number, lo: number): number {
    return this.#turns.findLastIndex((stream) => stream.lo === lo && stream.hi === hi);
  }

  isPassed(turn: number, number: number): boolean {
    return turn < this.#passedTurn || (turn === this.#passedTurn && number <= this.#passedNumber);
  }
}
