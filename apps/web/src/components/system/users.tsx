"use client";
/** Who may sign in: list, add, change role, set a password, remove. For administrators. */
import type { Account } from "@lockstep/api";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { type FormEvent, useState } from "react";
import { mayAnything } from "../../lib/allowed.ts";
import { useTRPC } from "../../lib/api.ts";
import { day } from "../../lib/format.ts";
import { problemOf } from "../../lib/problem.ts";
import { blockedBy } from "../lun/use-lun-actions.ts";
import { useSituation } from "../shell/live-provider.tsx";
import { useMe } from "../shell/me.tsx";
import { Button } from "../ui/button.tsx";
import { Confirm } from "../ui/confirm.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Field, Input, Select } from "../ui/input.tsx";
import { Notice } from "../ui/notice.tsx";
import { Segmented } from "../ui/segmented.tsx";
import { Cell, Head, Table } from "../ui/table.tsx";
import { useToast } from "../ui/toast.tsx";
import { MIN_PASSWORD_LENGTH } from "./password-form.tsx";

type Asked = { what: "create" } | { what: "password" | "delete"; user: Account } | null;

export function Users() {
  const trpc = useTRPC();
  const users = useQuery(trpc.user.list.queryOptions());
  const blocked = blockedBy(mayAnything(useSituation()));
  const [asked, setAsked] = useState<Asked>(null);
  return (
    <div className="flex flex-col gap-3">
      {users.error && <Notice tone="bad" problem={problemOf(users.error)} />}
      <Table label="Users">
        <thead>
          <tr>
            <Head>Name</Head>
            <Head>Role</Head>
            <Head>Since</Head>
            <Head end>
              <span className="sr-only">Actions</span>
            </Head>
          </tr>
        </thead>
        <tbody>
          {users.data?.map((user) => (
            <UserRow key={user.id} user={user} blocked={blocked} onAsk={setAsked} />
          ))}
        </tbody>
      </Table>
      <div>
        <Button size="sm" blocked={blocked} onClick={() => setAsked({ what: "create" })}>
          <Plus size={14} aria-hidden />
          Add a user
        </Button>
      </div>
      <Dialogs asked={asked} onClose={() => setAsked(null)} />
    </div>
  );
}

interface UserRowProps {
  user: Account;
  blocked: string | null;
  onAsk: (asked: Asked) => void;
}

const roles = [
  { value: "admin", label: "admin" },
  { value: "viewer", label: "viewer" },
] as const;

function UserRow({ user, blocked, onAsk }: UserRowProps) {
  const { me } = useMe();
  const trpc = useTRPC();
  const toast = useToast();
  const queryClient = useQueryClient();
  const own = user.id === me.id;
  const setRole = useMutation(
    trpc.user.setRole.mutationOptions({
      onError: toast.fail,
      onSettled: () => queryClient.invalidateQueries({ queryKey: trpc.user.list.queryKey() }),
    }),
  );
  return (
    <tr>
      <Cell>
        <span className="font-mono font-medium">{user.name}</span>
        {own && <span className="ml-2 text-sm text-ink-3">you</span>}
      </Cell>
      <Cell>
        <Segmented
          label={`Role of ${user.name}`}
          value={user.role}
          options={roles}
          busy={setRole.isPending}
          blocked={blocked ?? (own ? "Nobody changes their own role." : null)}
          onChange={(role) => setRole.mutate({ id: user.id, role })}
        />
      </Cell>
      <Cell className="font-mono text-sm whitespace-nowrap">{day(Date.parse(user.createdAt))}</Cell>
      <Cell end>
        <span className="inline-flex flex-wrap justify-end gap-2">
          <Button size="sm" blocked={blocked} onClick={() => onAsk({ what: "password", user })}>
            Password …
          </Button>
          <Button
            size="sm"
            look="danger"
            blocked={blocked ?? (own ? "Nobody removes themselves." : null)}
            onClick={() => onAsk({ what: "delete", user })}
          >
            Remove …
          </Button>
        </span>
      </Cell>
    </tr>
  );
}

function Dialogs({ asked, onClose }: { asked: Asked; onClose: () => void }) {
  const trpc = useTRPC();
  const queryClient = useQueryClient();
  const onSuccess = async () => {
    onClose();
    await queryClient.invalidateQueries({ queryKey: trpc.user.list.queryKey() });
  };
  const remove = useMutation(trpc.user.delete.mutationOptions({ onSuccess }));
  const closing = (open: boolean) => {
    if (!open) onClose();
  };
  return (
    <>
      <Dialog open={asked?.what === "create"} onOpenChange={closing} title="Add a user">
        <CreateUser onDone={onSuccess} />
      </Dialog>
      <Dialog
        open={asked?.what === "password"}
        onOpenChange={closing}
        title={`Set the password of ${asked?.what === "password" ? asked.user.name : ""}`}
      >
        {asked?.what === "password" && <SetPassword user={asked.user} onDone={onClose} />}
      </Dialog>
      <Confirm
        open={asked?.what === "delete"}
        onOpenChange={closing}
        title={`Remove ${asked?.what === "delete" ? asked.user.name : ""}?`}
        action="Remove the user"
        typed={asked?.what === "delete" ? asked.user.name : ""}
        danger
        busy={remove.isPending}
        problem={remove.error ? problemOf(remove.error) : null}
        onConfirm={() => asked?.what === "delete" && remove.mutate({ id: asked.user.id })}
      >
        The user’s sessions and API tokens end at once.
      </Confirm>
    </>
  );
}

function CreateUser({ onDone }: { onDone: () => void }) {
  const trpc = useTRPC();
  const create = useMutation(trpc.user.create.mutationOptions());
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const role = form.get("role") === "admin" ? "admin" : "viewer";
    const wish = {
      name: String(form.get("name")).trim(),
      password: String(form.get("password")),
      role,
    } as const;
    create.mutate(wish, { onSuccess: onDone });
  };
  return (
    <form className="flex flex-col gap-4" onSubmit={submit}>
      <Field label="User name" hint="2 to 30 lower-case letters, digits, dots and hyphens">
        {(wiring) => (
          <Input
            {...wiring}
            name="name"
            required
            autoComplete="off"
            autoCapitalize="off"
            className="font-mono"
          />
        )}
      </Field>
      <Field label="Password" hint={`At least ${MIN_PASSWORD_LENGTH} characters`}>
        {(wiring) => (
          <Input
            {...wiring}
            name="password"
            type="password"
            required
            minLength={MIN_PASSWORD_LENGTH}
            autoComplete="new-password"
          />
        )}
      </Field>
      <Field label="Role">
        {(wiring) => (
          <Select {...wiring} name="role" defaultValue="viewer">
            <option value="viewer">viewer: may look only</option>
            <option value="admin">admin: may change everything</option>
          </Select>
        )}
      </Field>
      {create.error && <Notice tone="bad" problem={problemOf(create.error)} />}
      <div className="flex justify-end">
        <Button type="submit" look="solid" busy={create.isPending}>
          Add the user
        </Button>
      </div>
    </form>
  );
}

function SetPassword({ user, onDone }: { user: Account; onDone: () => void }) {
  const trpc = useTRPC();
  const toast = useToast();
  const set = useMutation(trpc.user.setPassword.mutationOptions());
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const password = String(new FormData(event.currentTarget).get("password"));
    set.mutate(
      { id: user.id, password },
      {
        onSuccess: () => {
          toast.tell({ title: `The password of ${user.name} is set.`, tone: "ok" });
          onDone();
        },
      },
    );
  };
  return (
    <form className="flex flex-col gap-4" onSubmit={submit}>
      <Field label="New password" hint={`At least ${MIN_PASSWORD_LENGTH} characters`}>
        {(wiring) => (
          <Input
            {...wiring}
            name="password"
            type="password"
            required
            minLength={MIN_PASSWORD_LENGTH}
            autoComplete="new-password"
          />
        )}
      </Field>
      {set.error && <Notice tone="bad" problem={problemOf(set.error)} />}
      <div className="flex justify-end">
        <Button type="submit" look="solid" busy={set.isPending}>
          Set the password
        </Button>
      </div>
    </form>
  );
}
