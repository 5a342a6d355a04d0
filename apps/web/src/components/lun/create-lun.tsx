"use client";
/** The dialog that makes a LUN: name and size; number and backing for those who need them. */
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTRPC } from "../../lib/api.ts";
import { bytes } from "../../lib/format.ts";
import { problemOf } from "../../lib/problem.ts";
import { checkSize, type SizeEntry } from "../../lib/size-input.ts";
import { useStatus } from "../shell/live-provider.tsx";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Field, Input, Select } from "../ui/input.tsx";
import { Notice } from "../ui/notice.tsx";
import { SizeField } from "../ui/size-field.tsx";
import { useToast } from "../ui/toast.tsx";

interface Wish {
  name: string;
  size: SizeEntry;
  number: string;
  backing: string;
  existing: "refuse" | "adopt" | "wipe";
  wipeTyped: string;
}

const blank: Wish = {
  name: "",
  size: { amount: "1", unit: "GiB" },
  number: "",
  backing: "",
  existing: "refuse",
  wipeTyped: "",
};

type WishErrors = Partial<Record<"name" | "number" | "backing" | "wipeTyped", string>>;

const MAX_NUMBER = 255;

function errorsOf(wish: Wish, taken: readonly string[]): WishErrors {
  const errors: WishErrors = {};
  if (!/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/.test(wish.name)) {
    errors.name = "1 to 40 lower-case letters, digits and hyphens; no hyphen at either end";
  } else if (taken.includes(wish.name)) errors.name = "There is a LUN of this name";
  const number = Number(wish.number);
  if (wish.number !== "" && !(Number.isInteger(number) && number >= 0 && number <= MAX_NUMBER)) {
    errors.number = "Enter 0 to 255, or nothing for 0";
  }
  if (wish.backing !== "" && !wish.backing.startsWith("/")) {
    errors.backing = "Enter an absolute path";
  }
  if (wish.existing === "wipe" && wish.wipeTyped !== "wipe") errors.wipeTyped = "Type: wipe";
  return errors;
}

interface CreateLunProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

export function CreateLun({ open, onOpenChange }: CreateLunProps) {
  return (
    <Dialog
      open={open}
      onOpenChange={onOpenChange}
      title="Create a LUN"
      description="It is served from this server at once, and not mirrored until you switch that on."
    >
      <CreateForm onDone={() => onOpenChange(false)} />
    </Dialog>
  );
}

function CreateForm({ onDone }: { onDone: () => void }) {
  const { luns } = useStatus();
  const trpc = useTRPC();
  const toast = useToast();
  const create = useMutation(trpc.lun.create.mutationOptions());
  const [wish, setWish] = useState(blank);
  const [tried, setTried] = useState(false);
  const errors = errorsOf(
    wish,
    luns.map(({ name }) => name),
  );
  const size = checkSize(wish.size);
  const change = (part: Partial<Wish>) => setWish((before) => ({ ...before, ...part }));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (Object.keys(errors).length > 0 || size.bytes === null || create.isPending) return;
    const { name, backing, existing } = wish;
    const input = {
      name,
      size: size.bytes,
      existing,
      ...(wish.number === "" ? {} : { number: Number(wish.number) }),
      ...(backing === "" ? {} : { backing }),
    };
    create.mutate(input, {
      onSuccess: () => {
        toast.tell({ title: `LUN ${name} is ready for hosts.`, tone: "ok" });
        onDone();
      },
    });
  };
  return (
    <form className="flex flex-col gap-4" onSubmit={submit} noValidate>
      <Field
        label="Name"
        hint="Part of its iSCSI name; hosts see it."
        error={tried ? errors.name : null}
      >
        {(wiring) => (
          <Input
            {...wiring}
            value={wish.name}
            onChange={(event) => change({ name: event.target.value })}
            autoComplete="off"
            autoCapitalize="off"
            spellCheck={false}
            className="font-mono"
          />
        )}
      </Field>
      <SizeField
        label="Size"
        entry={wish.size}
        onChange={(entry) => change({ size: entry })}
        hint={size.bytes === null ? "" : `${bytes(size.bytes)}; space is taken as it is written.`}
        showError={tried || wish.size.amount !== ""}
      />
      <Advanced wish={wish} errors={errors} tried={tried} change={change} />
      {create.error && <Notice tone="bad" problem={problemOf(create.error)} />}
      <div className="flex justify-end gap-2">
        <Button onClick={onDone}>Cancel</Button>
        <Button type="submit" look="solid" busy={create.isPending}>
          Create
        </Button>
      </div>
    </form>
  );
}

interface AdvancedProps {
  wish: Wish;
  errors: WishErrors;
  tried: boolean;
  change: (part: Partial<Wish>) => void;
}

function Advanced({ wish, errors, tried, change }: AdvancedProps) {
  return (
    <details className="group rounded-md border border-rule">
      <summary className="px-3 py-2 text-sm font-medium text-ink-2">Number and backing</summary>
      <div className="flex flex-col gap-4 border-t border-rule p-3">
        <Field
          label="LUN number"
          hint="0 unless your hosts need another."
          error={tried ? errors.number : null}
        >
          {(wiring) => (
            <Input
              {...wiring}
              inputMode="numeric"
              placeholder="0"
              value={wish.number}
              onChange={(event) => change({ number: event.target.value })}
              className="font-mono"
            />
          )}
        </Field>
        <Field
          label="Backing"
          hint="A file or block device on this server; empty for a file in the data folder."
          error={errors.backing}
        >
          {(wiring) => (
            <Input
              {...wiring}
              placeholder="/dev/vg0/db"
              value={wish.backing}
              onChange={(event) => change({ backing: event.target.value })}
              spellCheck={false}
              autoComplete="off"
              className="font-mono"
            />
          )}
        </Field>
        {wish.backing !== "" && (
          <Existing wish={wish} errors={errors} tried={tried} change={change} />
        )}
      </div>
    </details>
  );
}

function Existing({ wish, errors, tried, change }: AdvancedProps) {
  return (
    <>
      <Field label="If the backing holds data already">
        {(wiring) => (
          <Select
            {...wiring}
            value={wish.existing}
            onChange={(event) => {
              const { value } = event.target;
              if (value === "refuse" || value === "adopt" || value === "wipe") {
                change({ existing: value, wipeTyped: "" });
              }
            }}
          >
            <option value="refuse">refuse, and change nothing</option>
            <option value="adopt">adopt it: the data becomes the LUN’s</option>
            <option value="wipe">wipe it: the data is lost</option>
          </Select>
        )}
      </Field>
      {wish.existing === "wipe" && (
        <Field label="Type “wipe” to confirm" error={tried ? errors.wipeTyped : null}>
          {(wiring) => (
            <Input
              {...wiring}
              value={wish.wipeTyped}
              onChange={(event) => change({ wipeTyped: event.target.value })}
              autoComplete="off"
              className="font-mono"
            />
          )}
        </Field>
      )}
    </>
  );
}
