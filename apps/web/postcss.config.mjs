/** Tailwind 4 is one PostCSS plug-in; its theme is in src/app/globals.css. */
export default { plugins: { "@tailwindcss/postcss": {} } };
