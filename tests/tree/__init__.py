"""Tests of the referral tree, its kernels and its labels."""
