"use client";
/** A line to copy: the text as it is, and a button that puts it on the clipboard. */
import { Check, Copy } from "lucide-react";
import { useState } from "react";
import { Button } from "./button.tsx";
import { useToast } from "./toast.tsx";

const SHOWN_MS = 1600;

export function CopyLine({ text, label }: { text: string; label: string }) {
  const [copied, setCopied] = useState(false);
  const toast = useToast();
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
      setTimeout(() => setCopied(false), SHOWN_MS);
    } catch {
      // Browsers refuse the clipboard to pages that came over plain HTTP from another machine.
      toast.tell({ title: "The browser refuses the clipboard; select the text.", tone: "calm" });
    }
  };
  return (
    <div className="flex min-w-0 items-start rounded-md bg-well">
      <pre className="min-w-0 flex-1 px-3 py-2 font-mono text-sm break-all whitespace-pre-wrap select-all">
        {text}
      </pre>
      <Button look="quiet" size="icon" aria-label={`Copy ${label}`} onClick={copy}>
        {copied ? <Check size={14} aria-hidden /> : <Copy size={14} aria-hidden />}
      </Button>
    </div>
  );
}
