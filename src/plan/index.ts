/** The door of those who want to look at plans: what a spec is compiled to, without any trainer or GPU. */
export { type PlanOptions, plan } from './plan.ts';
export { describeProgram, type ProgramDescription, printLine, printProgram } from './print.ts';
