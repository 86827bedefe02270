/** The control plane as a library: the same that `main` starts, for tests and for whoever embeds it. */
export { type Application, type ApplicationConfig, buildApplication, type Endpoint } from './application.ts';
