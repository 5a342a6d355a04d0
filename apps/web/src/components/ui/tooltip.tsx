"use client";
/** A tooltip on hover and on keyboard focus. What it says must be reachable otherwise too. */
import { Tooltip } from "radix-ui";
import type { ReactNode } from "react";

export function TipProvider({ children }: { children: ReactNode }) {
  return (
    <Tooltip.Provider delayDuration={250} skipDelayDuration={100}>
      {children}
    </Tooltip.Provider>
  );
}

export function Tip({ text, children }: { text: ReactNode; children: ReactNode }) {
  return (
    <Tooltip.Root>
      <Tooltip.Trigger asChild>{children}</Tooltip.Trigger>
      <Tooltip.Portal>
        <Tooltip.Content
          sideOffset={6}
          collisionPadding={8}
          className="rise z-50 max-w-72 rounded-md bg-ink px-2.5 py-1.5 text-sm text-sheet"
        >
          {text}
          <Tooltip.Arrow className="fill-ink" />
        </Tooltip.Content>
      </Tooltip.Portal>
    </Tooltip.Root>
  );
}
