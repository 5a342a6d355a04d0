"use client";
/** The last question before something that cannot be taken back: what it does, and a word to type where it is grave. */
import { type ReactNode, useState } from "react";
import type { Problem } from "../../lib/problem.ts";
import { Button } from "./button.tsx";
import { Dialog } from "./dialog.tsx";
import { Field, Input } from "./input.tsx";
import { Notice } from "./notice.tsx";

interface ConfirmProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  /** What will happen, in plain sentences. */
  children: ReactNode;
  action: string;
  /** A word that must be typed first. */
  typed?: string;
  danger?: boolean;
  busy: boolean;
  problem: Problem | null;
  onConfirm: () => void;
}

export function Confirm(props: ConfirmProps) {
  const { open, onOpenChange, title, children, action, typed, danger = false } = props;
  const [text, setText] = useState("");
  const missing = typed !== undefined && text !== typed;
  const change = (next: boolean) => {
    setText("");
    onOpenChange(next);
  };
  return (
    <Dialog open={open} onOpenChange={change} title={title} description={children}>
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          if (!missing && !props.busy) props.onConfirm();
        }}
      >
        {typed !== undefined && (
          <Field
            label={
              <>
                Type <code className="font-mono font-semibold">{typed}</code> to confirm
              </>
            }
          >
            {(wiring) => (
              <Input
                {...wiring}
                value={text}
                onChange={(event) => setText(event.target.value)}
                autoComplete="off"
                autoCapitalize="off"
                spellCheck={false}
                className="font-mono"
              />
            )}
          </Field>
        )}
        {props.problem && <Notice tone="bad" problem={props.problem} />}
        <div className="flex justify-end gap-2">
          <Button onClick={() => change(false)}>Cancel</Button>
          <Button
            type="submit"
            look={danger ? "danger" : "solid"}
            busy={props.busy}
            blocked={missing ? `Type “${typed}” first.` : null}
          >
            {action}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
