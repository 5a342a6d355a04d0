/** A simulated clock with tasks: nothing happens between two tasks, and a run is the same each time. */
interface Task {
  at: number;
  order: number;
  run: () => void;
}

export class Schedule {
  now = 1;
  private tasks: Task[] = [];
  private order = 0;

  after(delayMs: number, run: () => void): void {
    const task = { at: this.now + delayMs, order: this.order++, run };
    let low = 0;
    let high = this.tasks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.tasks[middle] as Task;
      if (other.at < task.at || (other.at === task.at && other.order < task.order))
        low = middle + 1;
      else high = middle;
    }
    this.tasks.splice(low, 0, task);
  }

  /** Runs all that is due within the next `ms`. */
  run(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const task = this.tasks[0];
      if (task === undefined || task.at > end) break;
      this.tasks.shift();
      this.now = task.at;
      task.run();
    }
    this.now = end;
  }
}
