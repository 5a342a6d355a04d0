"use client";
/** Light, dark, or as the system says. */
import { clsx } from "clsx";
import { Monitor, Moon, Sun } from "lucide-react";
import { useTheme } from "next-themes";
import { RadioGroup } from "radix-ui";
import { useEffect, useState } from "react";

const themes = [
  { value: "system", label: "As the system", icon: Monitor },
  { value: "light", label: "Light", icon: Sun },
  { value: "dark", label: "Dark", icon: Moon },
] as const;

export function ThemeToggle() {
  const { theme, setTheme } = useTheme();
  // The theme is known to the browser only; the exported page must not guess it.
  const [mounted, setMounted] = useState(false);
  useEffect(() => setMounted(true), []);
  const chosen = mounted ? (theme ?? "system") : "";
  return (
    <RadioGroup.Root
      aria-label="Theme"
      orientation="horizontal"
      value={chosen}
      onValueChange={setTheme}
      className="grid grid-cols-3 overflow-hidden rounded-md border border-edge"
    >
      {themes.map(({ value, label, icon: Icon }) => (
        <RadioGroup.Item
          key={value}
          value={value}
          aria-label={label}
          title={label}
          className={clsx(
            "flex h-7 items-center justify-center -outline-offset-2 not-first:border-l not-first:border-edge",
            chosen === value ? "bg-well text-ink" : "text-ink-3 hover:text-ink",
          )}
        >
          <Icon size={14} aria-hidden />
        </RadioGroup.Item>
      ))}
    </RadioGroup.Root>
  );
}
