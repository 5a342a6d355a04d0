"use client";
/** All LUNs as a table that sorts; the state's order is that of urgency. */
import type { Lun } from "@lockstep/model";
import {
  createColumnHelper,
  createSortedRowModel,
  rowSortingFeature,
  type SortDirection,
  tableFeatures,
  useTable,
} from "@tanstack/react-table";
import Link from "next/link";
import { byUrgency, reasonOf } from "../../lib/attention.ts";
import { bytes } from "../../lib/format.ts";
import { ProgressLine } from "../overview/lun-summary.tsx";
import { Cell, Head, Table } from "../ui/table.tsx";
import { MirrorSwitch, ModeSwitch } from "./lun-controls.tsx";
import { JournalUse, Lag, StateBadge, Throughput } from "./lun-figures.tsx";

const features = tableFeatures({ rowSortingFeature, sortedRowModel: createSortedRowModel() });
const column = createColumnHelper<typeof features, Lun>();

const columns = column.columns([
  column.accessor("name", {
    header: "Name",
    sortFn: (a, b) => a.original.name.localeCompare(b.original.name),
    cell: ({ row }) => <NameCell lun={row.original} />,
  }),
  column.accessor("state", {
    header: "State",
    sortFn: (a, b) => byUrgency(a.original, b.original),
    cell: ({ row }) => <StateCell lun={row.original} />,
  }),
  column.accessor("role", { header: "Role here", enableSorting: false }),
  column.accessor("designated", {
    header: "Mirrored",
    enableSorting: false,
    cell: ({ row }) => <MirrorSwitch lun={row.original} />,
  }),
  column.accessor("mode", {
    header: "Mode",
    enableSorting: false,
    cell: ({ row }) => <ModeSwitch lun={row.original} />,
  }),
  column.accessor((lun) => lun.lag.bytes ?? -1, {
    id: "lag",
    header: "Behind",
    sortFn: (a, b) => (a.original.lag.bytes ?? -1) - (b.original.lag.bytes ?? -1),
    cell: ({ row }) => <Lag lun={row.original} />,
  }),
  column.accessor((lun) => lun.journal.bytes, {
    id: "journal",
    header: "Journal",
    sortFn: (a, b) => a.original.journal.bytes - b.original.journal.bytes,
    cell: ({ row }) => <JournalUse lun={row.original} />,
  }),
  column.display({
    id: "throughput",
    header: "Throughput",
    cell: ({ row }) => <Throughput lun={row.original} />,
  }),
]);

const ariaSort = { asc: "ascending", desc: "descending" } as const satisfies Record<
  SortDirection,
  string
>;
const END = new Set(["throughput"]);

export function LunTable({ luns }: { luns: Lun[] }) {
  const table = useTable({
    features,
    columns,
    data: luns,
    getRowId: (lun) => lun.uuid,
    initialState: { sorting: [{ id: "state", desc: false }] },
  });
  return (
    <Table label="LUNs">
      <thead>
        {table.getHeaderGroups().map((group) => (
          <tr key={group.id}>
            {group.headers.map(({ id, column: of }) => {
              const sorted = of.getIsSorted();
              return (
                <Head
                  key={id}
                  end={END.has(id)}
                  sort={of.getCanSort() ? (sorted ? ariaSort[sorted] : "none") : undefined}
                  onSort={of.getCanSort() ? () => of.toggleSorting() : undefined}
                >
                  {String(of.columnDef.header)}
                </Head>
              );
            })}
          </tr>
        ))}
      </thead>
      <tbody>
        {table.getRowModel().rows.map((row) => (
          <tr key={row.id} data-testid={`lun-row-${row.original.name}`}>
            {row.getAllCells().map((cell) => (
              <Cell key={cell.id} end={END.has(cell.column.id)} className="align-top">
                <table.FlexRender cell={cell} />
              </Cell>
            ))}
          </tr>
        ))}
      </tbody>
    </Table>
  );
}

function NameCell({ lun }: { lun: Lun }) {
  return (
    <Link href={`/lun?name=${encodeURIComponent(lun.name)}`} className="group block">
      <span className="font-mono text-md font-semibold group-hover:underline">{lun.name}</span>
      <span className="block text-sm whitespace-nowrap text-ink-3">{bytes(lun.sizeBytes)}</span>
    </Link>
  );
}

function StateCell({ lun }: { lun: Lun }) {
  const reason = reasonOf(lun);
  return (
    <div className="max-w-72 min-w-44">
      <StateBadge lun={lun} />
      {reason && <p className="mt-1 text-sm text-ink-2">{reason}</p>}
      {lun.progress && <ProgressLine lun={lun} progress={lun.progress} />}
    </div>
  );
}
