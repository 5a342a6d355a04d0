/**
 * A storage system under measurement: where its LUN is, which processes count, when it is at rest.
 */
export interface System {
  readonly name: string;
  readonly url: string;
  readonly sizeBytes: number;
  /** Ids of all its server processes. */
  pids(): number[];
  /** Waits until nothing is left over from the load, so that the whole of its cost is counted. */
  settle(): Promise<void>;
}
