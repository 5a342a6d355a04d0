# One storage server: data path, backend with its console, and the `lockstep` command.

FROM node:24-bookworm-slim
ENV TURBO_TELEMETRY_DISABLED=1 NEXT_TELEMETRY_DISABLED=1
WORKDIR /opt/lockstep
COPY . .
RUN npm ci --no-audit --no-fund \
  && npx turbo run build --filter=@lockstep/web \
  && npm cache clean --force \
  && ln -s /opt/lockstep/apps/cli/bin/lockstep.js /usr/local/bin/lockstep \
  && install -d -o node -g node -m 0700 /data
USER node
ENV LOCKSTEP_DATA=/data
VOLUME /data
EXPOSE 7400 3260 7410 7411/udp
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
  CMD node -e 'fetch("http://127.0.0.1:7400/healthz").then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))'
ENTRYPOINT ["lockstep"]
CMD ["serve", "--help"]
