/** A size with its unit. */
import { checkSize, type SizeEntry, UNITS, type Unit } from "../../lib/size-input.ts";
import { Field, Input, Select } from "./input.tsx";

interface SizeFieldProps {
  label: string;
  entry: SizeEntry;
  onChange: (entry: SizeEntry) => void;
  hint?: string;
  /** Errors show only once something was entered or submitted. */
  showError: boolean;
}

export function SizeField({ label, entry, onChange, hint, showError }: SizeFieldProps) {
  const { error } = checkSize(entry);
  return (
    <Field label={label} hint={hint} error={showError ? error : null}>
      {(wiring) => (
        <div className="flex gap-2">
          <Input
            {...wiring}
            inputMode="decimal"
            autoComplete="off"
            value={entry.amount}
            onChange={(event) => onChange({ ...entry, amount: event.target.value })}
            className="font-mono"
          />
          <Select
            aria-label={`Unit of ${label.toLowerCase()}`}
            value={entry.unit}
            onChange={(event) => {
              const unit = Object.keys(UNITS).find((u): u is Unit => u === event.target.value);
              if (unit) onChange({ ...entry, unit });
            }}
            className="max-w-24"
          >
            {Object.keys(UNITS).map((unit) => (
              <option key={unit}>{unit}</option>
            ))}
          </Select>
        </div>
      )}
    </Field>
  );
}
