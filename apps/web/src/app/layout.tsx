/** The frame of every page: fonts, theme, and the document's head. What needs a sign-in is inside `Console`. */
import type { Metadata, Viewport } from "next";
import { ThemeProvider } from "next-themes";
import type { ReactNode } from "react";
import { ToastProvider } from "../components/ui/toast.tsx";
import { TipProvider } from "../components/ui/tooltip.tsx";
import "./globals.css";

export const metadata: Metadata = {
  title: { default: "Lockstep", template: "%s · Lockstep" },
  description: "Operator console of a mirrored storage appliance",
  robots: { index: false, follow: false },
};

export const viewport: Viewport = {
  width: "device-width",
  initialScale: 1,
  viewportFit: "cover",
};

export default function RootLayout({ children }: { children: ReactNode }) {
  return (
    <html lang="en" suppressHydrationWarning>
      <body>
        <ThemeProvider attribute="data-theme" defaultTheme="system" disableTransitionOnChange>
          <TipProvider>
            <ToastProvider>{children}</ToastProvider>
          </TipProvider>
        </ThemeProvider>
      </body>
    </html>
  );
}
