/** What a change of configuration changed: each value that differs between before and after, by its path. */
export interface Difference {
  /** "link.t1"; empty where the whole value changed. */
  path: string;
  before: string | null;
  after: string | null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function written(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  return typeof value === "string" ? value : JSON.stringify(value);
}

export function differences(before: unknown, after: unknown, path = ""): Difference[] {
  if (isRecord(before) || isRecord(after)) {
    const left = isRecord(before) ? before : {};
    const right = isRecord(after) ? after : {};
    const names = [...new Set([...Object.keys(left), ...Object.keys(right)])];
    return names.flatMap((name) =>
      differences(left[name], right[name], path === "" ? name : `${path}.${name}`),
    );
  }
  const difference = { path, before: written(before), after: written(after) };
  return difference.before === difference.after ? [] : [difference];
}
