// A process of the stack that does what its environment says.
const { BEHAVIOUR } = process.env;
if (BEHAVIOUR === 'fail') {
  process.stderr.write('something is missing\n');
  process.exit(7);
}
process.stderr.write(
  `${JSON.stringify({ event: 'starting' })}\n${JSON.stringify({ event: 'listening', port: 4711 })}\n`,
);
if (BEHAVIOUR === 'stubborn') process.on('SIGTERM', () => undefined);
else process.on('SIGTERM', () => process.exit(0));
setInterval(() => undefined, 60_000);
