"use client";
/** API tokens: list, make (the token is shown once), revoke. */
import type { TokenInfo } from "@lockstep/api";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { type FormEvent, useState } from "react";
import type { Permission } from "../../lib/allowed.ts";
import { useTRPC } from "../../lib/api.ts";
import { day, dayAndClock } from "../../lib/format.ts";
import { problemOf } from "../../lib/problem.ts";
import { blockedBy } from "../lun/use-lun-actions.ts";
import { useMe } from "../shell/me.tsx";
import { Button } from "../ui/button.tsx";
import { Confirm } from "../ui/confirm.tsx";
import { CopyLine } from "../ui/copy.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Field, Input, Select } from "../ui/input.tsx";
import { Notice } from "../ui/notice.tsx";
import { Cell, Head, Table } from "../ui/table.tsx";

export function Tokens({ may }: { may: Permission }) {
  const trpc = useTRPC();
  const queryClient = useQueryClient();
  const tokens = useQuery(trpc.token.list.queryOptions());
  const [making, setMaking] = useState(false);
  const [doomed, setDoomed] = useState<TokenInfo | null>(null);
  const renew = () => queryClient.invalidateQueries({ queryKey: trpc.token.list.queryKey() });
  const revoke = useMutation(
    trpc.token.revoke.mutationOptions({
      onSuccess: async () => {
        setDoomed(null);
        await renew();
      },
    }),
  );
  const blocked = blockedBy(may);
  return (
    <div className="flex flex-col gap-3">
      {tokens.error && <Notice tone="bad" problem={problemOf(tokens.error)} />}
      {tokens.data?.length === 0 && <p className="text-ink-2">There are no tokens.</p>}
      {(tokens.data?.length ?? 0) > 0 && (
        <Table label="API tokens">
          <thead>
            <tr>
              <Head>Name</Head>
              <Head>Begins with</Head>
              <Head>User</Head>
              <Head>Rights</Head>
              <Head>Expires</Head>
              <Head>Last used</Head>
              <Head end>
                <span className="sr-only">Actions</span>
              </Head>
            </tr>
          </thead>
          <tbody>
            {tokens.data?.map((token) => (
              <TokenRow key={token.id} token={token} blocked={blocked} onRevoke={setDoomed} />
            ))}
          </tbody>
        </Table>
      )}
      <div>
        <Button size="sm" blocked={blocked} onClick={() => setMaking(true)}>
          <Plus size={14} aria-hidden />
          Make a token
        </Button>
      </div>
      <Dialog open={making} onOpenChange={setMaking} title="Make an API token">
        <CreateToken onMade={renew} onDone={() => setMaking(false)} />
      </Dialog>
      <Confirm
        open={doomed !== null}
        onOpenChange={(open) => !open && setDoomed(null)}
        title={`Revoke ${doomed?.name ?? ""}?`}
        action="Revoke"
        danger
        busy={revoke.isPending}
        problem={revoke.error ? problemOf(revoke.error) : null}
        onConfirm={() => doomed && revoke.mutate({ id: doomed.id })}
      >
        Whatever uses it is refused from then on.
      </Confirm>
    </div>
  );
}

interface TokenRowProps {
  token: TokenInfo;
  blocked: string | null;
  onRevoke: (token: TokenInfo) => void;
}

function TokenRow({ token, blocked, onRevoke }: TokenRowProps) {
  const { expiresAt, lastUsedAt } = token;
  return (
    <tr>
      <Cell className="font-medium">{token.name}</Cell>
      <Cell className="font-mono text-sm">{token.prefix}…</Cell>
      <Cell className="font-mono">{token.user}</Cell>
      <Cell>{token.role}</Cell>
      <Cell className="font-mono text-sm whitespace-nowrap">
        {expiresAt === null ? "never" : day(Date.parse(expiresAt))}
      </Cell>
      <Cell className="font-mono text-sm whitespace-nowrap">
        {lastUsedAt === null ? "never" : dayAndClock(Date.parse(lastUsedAt))}
      </Cell>
      <Cell end>
        <Button size="sm" look="danger" blocked={blocked} onClick={() => onRevoke(token)}>
          Revoke …
        </Button>
      </Cell>
    </tr>
  );
}

function CreateToken({ onMade, onDone }: { onMade: () => void; onDone: () => void }) {
  const { me } = useMe();
  const trpc = useTRPC();
  const create = useMutation(trpc.token.create.mutationOptions({ onSuccess: onMade }));
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const role = form.get("role") === "admin" ? "admin" : "viewer";
    const days = Number(form.get("days"));
    create.mutate({ name: String(form.get("name")).trim(), role, ...(days > 0 ? { days } : {}) });
  };
  if (create.data) {
    return (
      <div className="flex flex-col gap-4">
        <Notice tone="wait">This is the only time the token is shown. Keep it safe.</Notice>
        <CopyLine text={create.data.token} label="the token" />
        <CopyLine
          text={`lockstep --server ${globalThis.location.origin} --token ${create.data.token} status`}
          label="a command that uses it"
        />
        <div className="flex justify-end">
          <Button look="solid" onClick={onDone}>
            I have kept it
          </Button>
        </div>
      </div>
    );
  }
  return (
    <form className="flex flex-col gap-4" onSubmit={submit}>
      <Field label="Name" hint="What it is for, so that it can be told apart later.">
        {(wiring) => <Input {...wiring} name="name" required maxLength={60} autoComplete="off" />}
      </Field>
      <div className="grid grid-cols-2 gap-4">
        <Field label="Rights">
          {(wiring) => (
            <Select {...wiring} name="role" defaultValue="viewer">
              <option value="viewer">viewer</option>
              {me.role === "admin" && <option value="admin">admin</option>}
            </Select>
          )}
        </Field>
        <Field label="Expires">
          {(wiring) => (
            <Select {...wiring} name="days" defaultValue="90">
              <option value="30">in 30 days</option>
              <option value="90">in 90 days</option>
              <option value="365">in a year</option>
              <option value="0">never</option>
            </Select>
          )}
        </Field>
      </div>
      {create.error && <Notice tone="bad" problem={problemOf(create.error)} />}
      <div className="flex justify-end">
        <Button type="submit" look="solid" busy={create.isPending}>
          Make the token
        </Button>
      </div>
    </form>
  );
}
