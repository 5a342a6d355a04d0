"use client";
/** The ways about: a rail at the side on wide screens, a bar at the bottom on a phone. */
import { clsx } from "clsx";
import {
  Activity,
  Cable,
  ChartNoAxesGantt,
  Cpu,
  HardDrive,
  LogOut,
  type LucideIcon,
  ScrollText,
} from "lucide-react";
import Link from "next/link";
import { usePathname } from "next/navigation";
import { useStatus } from "./live-provider.tsx";
import { Logo } from "./logo.tsx";
import { useMe } from "./me.tsx";
import { ThemeToggle } from "./theme-toggle.tsx";

interface Place {
  href: string;
  label: string;
  icon: LucideIcon;
}

const places: readonly Place[] = [
  { href: "/", label: "Overview", icon: Activity },
  { href: "/luns", label: "LUNs", icon: HardDrive },
  { href: "/outages", label: "Outages", icon: ChartNoAxesGantt },
  { href: "/events", label: "Events", icon: ScrollText },
  { href: "/link", label: "Link", icon: Cable },
  { href: "/system", label: "System", icon: Cpu },
];

function useHere(): (href: string) => boolean {
  const path = usePathname()
    .replace(/\.html$/, "")
    .replace(/(.)\/$/, "$1");
  return (href) => path === href || (href === "/luns" && path === "/lun");
}

export function Rail() {
  const isHere = useHere();
  const { server } = useStatus();
  const { me, leave } = useMe();
  return (
    <aside className="sticky top-0 hidden h-dvh flex-col border-r border-rule bg-sheet lg:flex">
      <Link href="/" className="flex h-12 items-center gap-2.5 px-5 text-ink">
        <Logo size={22} />
        <span className="text-md font-semibold tracking-[-0.02em]">Lockstep</span>
      </Link>
      <nav aria-label="Pages" className="mt-3 flex flex-col px-2.5">
        {places.map(({ href, label, icon: Icon }) => (
          <Link
            key={href}
            href={href}
            aria-current={isHere(href) ? "page" : undefined}
            className={clsx(
              "flex h-9 items-center gap-3 rounded-md px-2.5 text-base",
              isHere(href)
                ? "bg-well font-semibold text-ink"
                : "text-ink-2 hover:bg-well hover:text-ink",
            )}
          >
            <Icon size={16} aria-hidden strokeWidth={isHere(href) ? 2.3 : 1.9} />
            {label}
          </Link>
        ))}
      </nav>
      <div className="mt-auto flex flex-col gap-3 border-t border-rule p-4 text-sm text-ink-3">
        <ThemeToggle />
        <div className="flex items-center gap-2">
          <div className="min-w-0 flex-1">
            <div className="truncate font-medium text-ink">{me.name}</div>
            <div>{me.role === "admin" ? "Administrator" : "Viewer"}</div>
          </div>
          <button
            type="button"
            aria-label="Sign out"
            title="Sign out"
            className="rounded-md p-2 hover:bg-well hover:text-ink"
            onClick={() => void leave()}
          >
            <LogOut size={16} aria-hidden />
          </button>
        </div>
        <div className="font-mono text-xs">version {server.version}</div>
      </div>
    </aside>
  );
}

export function BottomBar() {
  const isHere = useHere();
  return (
    <nav
      aria-label="Pages"
      className="fixed inset-x-0 bottom-0 z-30 grid grid-cols-6 border-t border-rule-2 bg-sheet pb-[env(safe-area-inset-bottom)] lg:hidden"
    >
      {places.map(({ href, label, icon: Icon }) => (
        <Link
          key={href}
          href={href}
          aria-current={isHere(href) ? "page" : undefined}
          className={clsx(
            "flex h-14 flex-col items-center justify-center gap-1 text-xs -outline-offset-2",
            isHere(href) ? "font-semibold text-ink" : "text-ink-3",
          )}
        >
          <Icon size={19} aria-hidden strokeWidth={isHere(href) ? 2.4 : 1.8} />
          {label}
        </Link>
      ))}
    </nav>
  );
}
