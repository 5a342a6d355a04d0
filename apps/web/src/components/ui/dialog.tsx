"use client";
/** A dialog, from below on a phone; focus stays inside, Escape closes it. */
import { X } from "lucide-react";
import { Dialog as Base } from "radix-ui";
import type { ReactNode } from "react";
import { Button } from "./button.tsx";

interface DialogProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  description?: ReactNode;
  children: ReactNode;
}

export function Dialog({ open, onOpenChange, title, description, children }: DialogProps) {
  return (
    <Base.Root open={open} onOpenChange={onOpenChange}>
      <Base.Portal>
        <Base.Overlay className="fixed inset-0 z-40 bg-[oklch(0_0_0/0.45)]" />
        <Base.Content
          {...(description ? {} : { "aria-describedby": undefined })}
          className="rise fixed inset-x-0 bottom-0 z-40 max-h-[92dvh] overflow-y-auto border border-rule-2 bg-sheet p-5 sm:inset-auto sm:top-[12vh] sm:left-1/2 sm:w-[30rem] sm:-translate-x-1/2 sm:rounded-lg"
        >
          <div className="mb-4 flex items-start gap-4">
            <div className="min-w-0 flex-1">
              <Base.Title className="text-lg font-semibold">{title}</Base.Title>
              {description && (
                <Base.Description asChild>
                  <div className="mt-1 text-base text-ink-2">{description}</div>
                </Base.Description>
              )}
            </div>
            <Base.Close asChild>
              <Button look="quiet" size="icon" aria-label="Close" className="-mt-1 -mr-2">
                <X size={16} aria-hidden />
              </Button>
            </Base.Close>
          </div>
          {children}
        </Base.Content>
      </Base.Portal>
    </Base.Root>
  );
}
