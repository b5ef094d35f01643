// The floor of whole-process times: a static program that does nothing.
// SPDX-License-Identifier: Apache-2.0
int main(void) { return 0; }
